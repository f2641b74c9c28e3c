/** Small pictures packed without loss, for style files: rows of differences, deflated, as PNG's "Sub" filter does. */
import { unzlibSync, zlibSync } from 'fflate';
import { image, type Image } from './image';

/** Bytes before the packed rows: width and height, 16 bits each, little end first. */
const HEADER = 4;
const CHANNELS = 4;

export function packImage({ width, height, data }: Image): Uint8Array {
  const rows = new Uint8Array(data.length);
  const stride = width * CHANNELS;
  for (let i = 0; i < data.length; i++) {
    rows[i] = data[i]! - (i % stride < CHANNELS ? 0 : data[i - CHANNELS]!);
  }
  const packed = zlibSync(rows, { level: 9 });
  const out = new Uint8Array(HEADER + packed.length);
  new DataView(out.buffer).setUint16(0, width, true);
  new DataView(out.buffer).setUint16(2, height, true);
  out.set(packed, HEADER);
  return out;
}

/** Throws an Error that says what is damaged. @param mostSide the largest side that is accepted, px. */
export function unpackImage(bytes: Uint8Array, mostSide: number): Image {
  if (bytes.length <= HEADER) throw new Error('it is cut off');
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER);
  const [width, height] = [view.getUint16(0, true), view.getUint16(2, true)];
  if (width < 1 || height < 1 || Math.max(width, height) > mostSide) throw new Error(`it is ${width} x ${height} px`);
  const size = width * height * CHANNELS;
  // No more memory than the picture needs, whatever the bytes would unpack to.
  const rows = unzlibSync(bytes.subarray(HEADER), { out: new Uint8Array(size + 1) });
  if (rows.length !== size) throw new Error('its pixels do not fill it');
  const data = new Uint8ClampedArray(size);
  const stride = width * CHANNELS;
  for (let i = 0; i < size; i++) data[i] = (rows[i]! + (i % stride < CHANNELS ? 0 : data[i - CHANNELS]!)) & 255;
  return image(width, height, data);
}
