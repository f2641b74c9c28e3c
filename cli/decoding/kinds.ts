/** Files that are no picture Diptych reads, told by their first bytes, whatever they are named. */

const ASCII = new TextDecoder('latin1');
/** As much of a file as decides. */
const START_BYTES = 512;

const CONVERT = 'convert it to PNG or JPEG';

/** Brands of the ISO base media file format that are pictures in HEVC; AVIF's are read. */
const HEIC_BRANDS = new Set(['heic', 'heix', 'hevc', 'hevx', 'heim', 'heis', 'hevm', 'hevs']);
const AVIF_BRANDS = new Set(['avif', 'avis']);

/** What else picture files begin with. JPEG XL comes bare and in a box. */
const SIGNATURES: readonly (readonly [start: string, kind: string])[] = [
  ['\xff\x0a', 'a JPEG XL picture'],
  ['\0\0\0\x0cJXL \r\n\x87\n', 'a JPEG XL picture'],
  ['\xff\x4f\xff\x51', 'a JPEG 2000 picture'],
  ['\0\0\0\x0cjP  \r\n\x87\n', 'a JPEG 2000 picture'],
  ['8BPS', 'a Photoshop document'],
  ['BM', 'a BMP picture'],
  ['\0\0\x01\0', 'an icon file (ICO)'],
  ['icns', 'an icon file (ICNS)'],
  ['gimp xcf', 'a GIMP document'],
  ['\x76\x2f\x31\x01', 'an OpenEXR picture'],
  ['#?RADIANCE', 'a Radiance HDR picture'],
  ['#?RGBE', 'a Radiance HDR picture'],
  ['DDS ', 'a DirectDraw Surface'],
  ['P1\n', 'a netpbm picture'],
  ['P2\n', 'a netpbm picture'],
  ['P3\n', 'a netpbm picture'],
  ['P4\n', 'a netpbm picture'],
  ['P5\n', 'a netpbm picture'],
  ['P6\n', 'a netpbm picture'],
  ['qoif', 'a QOI picture'],
  ['FUJIFILMCCD-RAW', 'a raw photo'],
  ['IIU\0', 'a raw photo'],
  ['%PDF', 'a PDF document'],
  ['%!PS', 'a PostScript document'],
  ['PK\x03\x04', 'a ZIP archive or a document of a design program'],
  ['\x1aE\xdf\xa3', 'a video'],
];

/**
 * Why a file cannot be read and how to fix it, to be put behind its name; undefined for what may be a picture. A file
 * that is not one of the known kinds is left to the decoders.
 */
export function refusalOf(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return 'is empty; export it again';
  const start = ASCII.decode(bytes.subarray(0, START_BYTES));
  if (start.startsWith('version https://git-lfs.github.com/spec/')) {
    return 'is a Git LFS pointer, not the picture itself; fetch the picture with: git lfs pull';
  }
  const kind = mediaKind(start) ?? SIGNATURES.find(([signature]) => start.startsWith(signature))?.[1];
  if (kind) return `is ${kind}, which cannot be read; ${CONVERT}`;
  if (/^\s*(<!doctype html|<html)/i.test(start)) return 'is a web page, not a picture; save the picture itself';
  return undefined;
}

/** ISO base media files: the major brand stands at byte 8, compatible ones from byte 16. */
function mediaKind(start: string): string | undefined {
  if (start.slice(4, 8) !== 'ftyp') return undefined;
  const size = start.charCodeAt(2) * 256 + start.charCodeAt(3);
  const brands = [start.slice(8, 12), ...(start.slice(16, Math.max(16, size)).match(/.{4}/gs) ?? [])];
  // A picture may claim to be both; what matters is what a reader of AVIF can do with it.
  if (brands.some((brand) => AVIF_BRANDS.has(brand))) return undefined;
  if (brands.some((brand) => HEIC_BRANDS.has(brand)) || /^mi[af]/.test(brands[0]!)) return 'a HEIC picture';
  return 'a video or a raw photo';
}
