/** Moving with the arrow keys, Home and End in a list that goes round. */

/** @returns the index a key moves to; undefined for keys that do not move. */
export function moveTo(
  key: string,
  direction: 'horizontal' | 'vertical',
  at: number,
  length: number,
): number | undefined {
  const [back, on] = direction === 'horizontal' ? ['ArrowLeft', 'ArrowRight'] : ['ArrowUp', 'ArrowDown'];
  if (key === on) return (at + 1) % length;
  if (key === back) return (at - 1 + length) % length;
  if (key === 'Home') return 0;
  return key === 'End' ? length - 1 : undefined;
}
