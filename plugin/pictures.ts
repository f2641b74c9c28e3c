/**
 * The pictures of a result are image fills of its layer: the styled one on top, and hidden beneath it the original. So
 * both travel with the layer, and other fills the user adds are left alone.
 */
import { InputError, messageOf } from '../common/errors';
import { readOriginalHash, writeOriginalHash } from './parameters';

export type ResultNode = RectangleNode | FrameNode;

/** Keeps a PNG in the document and returns its hash; throws an InputError when Figma does not take it. */
export function createImage(png: Uint8Array): string {
  try {
    return figma.createImage(png).hash;
  } catch (error) {
    throw new InputError(`Figma does not take this picture: ${messageOf(error)}`);
  }
}

/** Paints a result. Without `original`, the one it has stays (an imagined picture has none). */
export function paint(node: ResultNode, styled: string, original?: string): void {
  const fills = [...paintsOf(node)];
  const at = find(node);
  const kept = at.original ? fills.indexOf(at.original) : -1;
  const shown = at.styled ? fills.indexOf(at.styled) : -1;
  if (shown >= 0) fills[shown] = { ...at.styled!, imageHash: styled };
  else fills.push(imagePaint(styled, true));
  const hash = original ?? readOriginalHash(node);
  if (hash && kept >= 0) fills[kept] = { ...at.original!, imageHash: hash };
  else if (hash) fills.splice(shown >= 0 ? shown : fills.length - 1, 0, imagePaint(hash, false));
  node.fills = fills;
  if (original) writeOriginalHash(node, original);
}

/** The PNGs of a result; `original` is null for an imagined one. Throws an InputError when they are no longer there. */
export async function readPictures(node: ResultNode): Promise<{ original: Uint8Array | null; styled: Uint8Array }> {
  const styled = find(node).styled?.imageHash;
  if (!styled) throw new InputError('This result has lost its picture. Restyle its source again.');
  const original = readOriginalHash(node);
  return { original: original ? await bytesOf(original) : null, styled: await bytesOf(styled) };
}

async function bytesOf(hash: string): Promise<Uint8Array> {
  const image = figma.getImageByHash(hash);
  if (!image) throw new InputError('A picture of this result is no longer in the document. Restyle its source again.');
  return image.getBytesAsync();
}

function find(node: ResultNode): { original: ImagePaint | undefined; styled: ImagePaint | undefined } {
  const images = paintsOf(node).filter((paint): paint is ImagePaint => paint.type === 'IMAGE');
  const hash = readOriginalHash(node);
  // At strength 0 both are the same image, so the order decides.
  const original = images.length > 1 ? images.find(({ imageHash }) => imageHash === hash) : undefined;
  return { original, styled: images.filter((paint) => paint !== original).pop() };
}

function paintsOf(node: ResultNode): readonly Paint[] {
  return Array.isArray(node.fills) ? (node.fills as readonly Paint[]) : [];
}

function imagePaint(imageHash: string, visible: boolean): ImagePaint {
  return { type: 'IMAGE', scaleMode: 'FILL', imageHash, visible };
}
