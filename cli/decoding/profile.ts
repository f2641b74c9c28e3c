/**
 * ICC profiles of the kind "one curve per channel, and a matrix" (ICC.1:2022, 8.3), which nearly all RGB and grey pictures
 * carry: Adobe RGB, Display P3, ProPhoto, linear light, grey gamma. libvips converts 8-bit RGB by itself; 16-bit RGB and
 * grey it does not convert to sRGB, or not exactly.
 */

/** Linear light of an encoded value; both 0 to 1. */
type Curve = (value: number) => number;

/** What a profile says, as far as it is of use here. */
export type Profile =
  | { readonly space: 'grey'; readonly curve: Curve }
  | {
      readonly space: 'rgb';
      readonly curves: readonly [Curve, Curve, Curve];
      /** Row-major; linear sRGB of linear RGB of the profile. */
      readonly matrix: readonly number[];
    }
  /** Sound, but made of tables, or of another space. */
  | { readonly space: 'other'; readonly signature: string };

const HEADER_BYTES = 128;
const MOST_TAGS = 100;
const MOST_CURVE_POINTS = 65_536;

/** Linear sRGB of XYZ relative to D50, which profiles are written in: IEC 61966-2-1 adapted by Bradford's matrix. */
const XYZ_TO_SRGB = [
  3.1338561, -1.6168667, -0.4906146, -0.9787684, 1.9161415, 0.033454, 0.0719453, -0.2289914, 1.4052427,
] as const;

/** Undefined when the bytes are no profile, or a damaged one: then it does not count, as in every viewer. */
export function readProfile(bytes: Uint8Array): Profile | undefined {
  try {
    return read(bytes);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Throws a RangeError where something lies outside the bytes. */
function read(bytes: Uint8Array): Profile | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = (at: number): string => String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));
  if (text(36) !== 'acsp') return undefined;
  const [signature, connection] = [text(16), text(20)];
  const tags = new Map<string, DataView>();
  const count = view.getUint32(HEADER_BYTES);
  if (count > MOST_TAGS) return undefined;
  for (let i = 0; i < count; i++) {
    const at = HEADER_BYTES + 4 + 12 * i;
    const [offset, length] = [view.getUint32(at + 4), view.getUint32(at + 8)];
    tags.set(
      text(at),
      new DataView(bytes.buffer, bytes.byteOffset + offset, Math.min(length, view.byteLength - offset)),
    );
  }
  // Tables go before curves where there are both.
  const tables = tags.has('A2B0');
  if (signature === 'GRAY' && !tables) {
    const curve = curveOf(tags.get('kTRC'));
    if (!curve) return undefined;
    return { space: 'grey', curve: connection === 'Lab ' ? (value) => fromLightness(curve(value)) : curve };
  }
  if (signature === 'RGB ' && !tables && connection === 'XYZ ') {
    const curves = ['rTRC', 'gTRC', 'bTRC'].map((tag) => curveOf(tags.get(tag)));
    const columns = ['rXYZ', 'gXYZ', 'bXYZ'].map((tag) => xyzOf(tags.get(tag)));
    const [r, g, b] = curves;
    if (!r || !g || !b || columns.some((column) => !column)) return undefined;
    const matrix = [0, 1, 2].flatMap((row) =>
      columns.map((column) => [0, 1, 2].reduce((sum, k) => sum + XYZ_TO_SRGB[3 * row + k]! * column![k]!, 0)),
    );
    return { space: 'rgb', curves: [r, g, b], matrix };
  }
  return { space: 'other', signature };
}

const fixed = (view: DataView, at: number): number => view.getInt32(at) / 65_536;

function xyzOf(tag: DataView | undefined): readonly number[] | undefined {
  return tag && [8, 12, 16].map((at) => fixed(tag, at));
}

/** A curveType or parametricCurveType (10.6, 10.18). */
function curveOf(tag: DataView | undefined): Curve | undefined {
  if (!tag) return undefined;
  const type = tag.getUint32(0);
  if (type === 0x63757276) return sampledCurve(tag);
  if (type === 0x70617261) return parametricCurve(tag);
  return undefined;
}

function sampledCurve(tag: DataView): Curve | undefined {
  const count = tag.getUint32(8);
  if (count > MOST_CURVE_POINTS) return undefined;
  if (count === 0) return (value) => value;
  const points = Array.from({ length: count }, (_, i) => tag.getUint16(12 + 2 * i));
  if (count === 1) {
    const gamma = points[0]! / 256;
    return (value) => value ** gamma;
  }
  return (value) => {
    const at = value * (count - 1);
    const i = Math.min(count - 2, Math.floor(at));
    return (points[i]! + (at - i) * (points[i + 1]! - points[i]!)) / 65_535;
  };
}

function parametricCurve(tag: DataView): Curve | undefined {
  const kind = tag.getUint16(8);
  const lengths = [1, 3, 4, 5, 7];
  if (kind >= lengths.length) return undefined;
  const given = Array.from({ length: lengths[kind]! }, (_, i) => fixed(tag, 12 + 4 * i));
  const [g, a = 1, b = 0, c = 0, d = 0, e = 0, f = 0] = given as [number, ...number[]];
  switch (kind) {
    case 0:
      return (x) => x ** g;
    case 1:
      return (x) => (x >= -b / a ? (a * x + b) ** g : 0);
    case 2:
      return (x) => (x >= -b / a ? (a * x + b) ** g : 0) + c;
    default:
      return (x) => (x >= d ? (a * x + b) ** g + e : c * x + f);
  }
}

/** Luminance of a lightness, both 0 to 1 (CIE 1976). */
function fromLightness(lightness: number): number {
  const t = (100 * lightness + 16) / 116;
  return t > 6 / 29 ? t ** 3 : (t - 4 / 29) * 3 * (6 / 29) ** 2;
}

/** Values of sRGB, 0 to 255, for linear light in steps of 1/65535. */
const ENCODED = new Uint8ClampedArray(65_536).map((_, i) => {
  const light = i / 65_535;
  return 255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055);
});

/** What is no number, as of a damaged curve, is black. */
const encode = (light: number): number => ENCODED[light > 0 ? Math.min(65_535, Math.round(65_535 * light)) : 0]!;

/**
 * Straight RGBA in the profile's colours to 8-bit sRGB; what lies outside sRGB is clipped, channel by channel. Without a
 * profile the numbers are sRGB's already.
 *
 * @param samples RGBA; grey ones hold their value three times.
 * @param most what stands for 1: 255 or 65535.
 */
export function toSrgb(
  samples: Uint8Array | Uint16Array,
  most: 255 | 65_535,
  profile: Exclude<Profile, { space: 'other' }> | undefined,
): Uint8ClampedArray {
  const out = new Uint8ClampedArray(samples.length);
  const tabulate = <T extends Float64Array | Uint8ClampedArray>(table: T, value: (encoded: number) => number): T => {
    for (let i = 0; i <= most; i++) table[i] = value(i / most);
    return table;
  };
  // Uint8ClampedArray rounds to nearest.
  const plain = tabulate(new Uint8ClampedArray(most + 1), (value) => 255 * value);
  if (profile?.space === 'rgb') {
    const [r, g, b] = profile.curves.map((curve) => tabulate(new Float64Array(most + 1), curve)) as Float64Array[];
    const m = profile.matrix as number[];
    for (let i = 0; i < samples.length; i += 4) {
      const [x, y, z] = [r![samples[i]!]!, g![samples[i + 1]!]!, b![samples[i + 2]!]!];
      out[i] = encode(m[0]! * x + m[1]! * y + m[2]! * z);
      out[i + 1] = encode(m[3]! * x + m[4]! * y + m[5]! * z);
      out[i + 2] = encode(m[6]! * x + m[7]! * y + m[8]! * z);
      out[i + 3] = plain[samples[i + 3]!]!;
    }
    return out;
  }
  const colour = profile ? tabulate(new Uint8ClampedArray(most + 1), (value) => encode(profile.curve(value))) : plain;
  for (let i = 0; i < samples.length; i++) out[i] = (i % 4 === 3 ? plain : colour)[samples[i]!]!;
  return out;
}
