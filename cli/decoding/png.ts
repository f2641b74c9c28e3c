/** What of a PNG libpng passes over in silence and what changes its colours: damaged chunks, and cICP. */
import { crc32 } from 'node:zlib';

const SIGNATURE_BYTES = 8;
/** Length, type and checksum. */
const FRAME_BYTES = 12;

/** Why a PNG would come out wrong, and how to fix it; undefined where it would not. */
export function refusalOfPng(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = SIGNATURE_BYTES; at + FRAME_BYTES <= bytes.length;) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    // libpng refuses a file that ends early.
    if (at + FRAME_BYTES + length > bytes.length) return undefined;
    // All are checked: a damaged type may hide the profile, or the transparency.
    if (crc32(bytes.subarray(at + 4, at + 8 + length)) !== view.getUint32(at + 8 + length)) {
      const name = /^[A-Za-z]{4}$/.test(type) ? type : 'a chunk';
      return `is a damaged PNG file (the checksum of ${name} is wrong); export it again`;
    }
    if (type === 'cICP') {
      const refusal = refusalOfCicp(bytes.subarray(at + 8, at + 8 + length));
      if (refusal) return refusal;
    }
    if (type === 'IEND') return undefined;
    at += FRAME_BYTES + length;
  }
  return undefined;
}

/**
 * cICP goes before all other colour information (PNG 3rd edition, 11.3.2.6), and libvips does not know it. Read is only
 * what amounts to sRGB: BT.709 primaries with the curve of sRGB or of BT.709, which are meant to look alike.
 */
function refusalOfCicp([primaries, transfer]: Uint8Array): string | undefined {
  if (primaries === 1 && [1, 6, 13].includes(transfer!)) return undefined;
  return 'is marked (cICP) as wide-gamut or HDR colours, which are not read; export it as sRGB';
}
