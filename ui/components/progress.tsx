/** A progress bar; without a fraction it says only that work goes on. */
export function Progress({ fraction, label }: { fraction: number | null; label: string }) {
  const percent = fraction === null ? undefined : Math.round(100 * Math.min(1, Math.max(0, fraction)));
  return (
    <div
      class={`progress ${percent === undefined ? 'unsure' : ''}`}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
    >
      <div style={percent === undefined ? {} : { width: `${percent}%` }} />
    </div>
  );
}
