/** Size of a PNG, JPEG or GIF from its first bytes: the kinds Figma takes as images. */

export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** Undefined when the bytes are none of the three. */
export function readImageSize(bytes: Uint8Array): ImageSize | undefined {
  return readPng(bytes) ?? readGif(bytes) ?? readJpeg(bytes);
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const startsWith = (bytes: Uint8Array, start: readonly number[]): boolean =>
  start.every((value, index) => bytes[index] === value);

function readPng(bytes: Uint8Array): ImageSize | undefined {
  if (bytes.length < 24 || !startsWith(bytes, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return undefined;
  const view = viewOf(bytes);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

function readGif(bytes: Uint8Array): ImageSize | undefined {
  if (bytes.length < 10 || !startsWith(bytes, [0x47, 0x49, 0x46, 0x38])) return undefined;
  const view = viewOf(bytes);
  return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
}

/** The size stands in the start-of-frame segment: markers C0 to CF but C4, C8 and CC (ITU T.81, B.1.1.3). */
function readJpeg(bytes: Uint8Array): ImageSize | undefined {
  if (!startsWith(bytes, [0xff, 0xd8])) return undefined;
  const view = viewOf(bytes);
  for (let at = 2; at + 9 <= bytes.length && bytes[at] === 0xff;) {
    const marker = bytes[at + 1]!;
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    }
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}
