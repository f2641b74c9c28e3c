/** The size of a PNG, from its header chunk (PNG specification, section 11.2.1). */

/** Width and height in px. */
export function pngSize(png: Uint8Array): { width: number; height: number } {
  if (png.length < 24) throw new Error('the picture is not a PNG');
  const header = new DataView(png.buffer, png.byteOffset, 24);
  return { width: header.getUint32(16), height: header.getUint32(20) };
}
