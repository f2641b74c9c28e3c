/** IEEE 754 binary16 and bfloat16 to and from binary32. */

const bits = new DataView(new ArrayBuffer(4));

/** The binary32 value of binary16 bits; exact. */
export function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 0x1f) return mantissa ? NaN : sign * Infinity;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

/** The nearest binary16 bits, ties to even; overflow becomes infinity, NaN stays NaN. */
export function floatToHalf(value: number): number {
  bits.setFloat32(0, value);
  const word = bits.getUint32(0);
  const sign = (word >>> 16) & 0x8000;
  const exponent = (word >>> 23) & 0xff;
  const mantissa = word & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (mantissa ? 0x200 : 0);
  const rebased = exponent - 112;
  if (rebased >= 0x1f) return sign | 0x7c00;
  if (rebased <= 0) {
    if (rebased < -10) return sign;
    return sign | roundShift(mantissa | 0x800000, 14 - rebased);
  }
  return sign | roundShift((rebased << 23) | mantissa, 13);
}

function roundShift(word: number, shift: number): number {
  const kept = word >>> shift;
  const rest = word & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return kept + (rest > half || (rest === half && kept & 1) ? 1 : 0);
}

/** Every half's value, made on first use: weights are millions of halves, and a look-up is many times a conversion. */
let table: Float32Array | undefined;

export function halvesToFloats(halves: Uint16Array): Float32Array {
  table ??= Float32Array.from({ length: 65536 }, (_, half) => halfToFloat(half));
  const floats = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) floats[i] = table[halves[i]!]!;
  return floats;
}

export function floatsToHalves(floats: Float32Array): Uint16Array {
  const halves = new Uint16Array(floats.length);
  for (let i = 0; i < floats.length; i++) halves[i] = floatToHalf(floats[i]!);
  return halves;
}

/** bfloat16 bits widened to binary32; exact. */
export function bfloatsToFloats(words: Uint16Array): Float32Array {
  const wide = new Uint32Array(words.length);
  for (let i = 0; i < words.length; i++) wide[i] = words[i]! << 16;
  return new Float32Array(wide.buffer);
}
