/** Pictures from outside as layers: PNG and JPEG files as they are, everything else a browser can show as PNG. */
import type { Vector } from '@figma/plugin-typings/plugin-api-standalone';
import type { Editor } from '../figma/editor';
import { readImageSize } from '../figma/image-header';
import { translation } from '../figma/transform';
import type { App } from './app';

/** px */
const LARGEST_SIDE = 4096;
/** A small file can hold a picture that no memory holds. */
const MOST_PIXELS = 8192 * 8192;
const GAP = 24;

/**
 * Puts pictures side by side, the first one centred on a point of the canvas, and selects them. One step of undo.
 * @returns a line for each file that could not be read.
 */
export async function importPictures(editor: Editor, files: readonly File[], at: Vector): Promise<readonly string[]> {
  const { scene, images, history } = editor.file;
  const complaints: string[] = [];
  const placed: string[] = [];
  let x: number | undefined;
  for (const file of files) {
    try {
      const { bytes, width, height } = await readPicture(file);
      const imageHash = images.add(bytes);
      x ??= at.x - width / 2;
      const { id } = scene.create('RECTANGLE', editor.pageId, {
        name: file.name.replace(/\.[^.]+$/, ''),
        width,
        height,
        transform: translation(Math.round(x), Math.round(at.y - height / 2)),
        fills: [{ type: 'IMAGE', scaleMode: 'FILL', imageHash }],
      });
      x += width + GAP;
      placed.push(id);
    } catch {
      complaints.push(
        `“${file.name}” is no picture that this browser can read, or too large. Use PNG, JPEG, WebP, GIF or SVG.`,
      );
    }
  }
  if (placed.length > 0) editor.select(placed);
  history.commit();
  return complaints;
}

/** Takes pictures dropped anywhere on the page (which would replace it otherwise) or pasted. Returns how to stop. */
export function takePictures(app: App): () => void {
  const put = (list: DataTransfer | null, at: Vector): void => {
    const files = [...(list?.files ?? [])];
    if (files.length > 0) void addPictures(app, files, at);
  };
  const onDragOver = (event: DragEvent): void => event.preventDefault();
  const onDrop = (event: DragEvent): void => {
    event.preventDefault();
    const target = event.target as HTMLElement;
    const onCanvas = target.matches('canvas');
    const { left, top } = target.getBoundingClientRect();
    const dropped = app.toCanvas({ x: event.clientX - left, y: event.clientY - top });
    put(event.dataTransfer, onCanvas ? dropped : app.editor.view.center);
  };
  const onPaste = (event: ClipboardEvent): void => put(event.clipboardData, app.editor.view.center);
  addEventListener('dragover', onDragOver);
  addEventListener('drop', onDrop);
  addEventListener('paste', onPaste);
  return () => {
    removeEventListener('dragover', onDragOver);
    removeEventListener('drop', onDrop);
    removeEventListener('paste', onPaste);
  };
}

/** Puts pictures onto the page, and says which could not be read. */
export async function addPictures(app: App, files: readonly File[], at: Vector): Promise<void> {
  for (const complaint of await importPictures(app.editor, files, at)) app.notify(complaint, { error: true });
}

interface PictureFile {
  readonly bytes: Uint8Array;
  /** Size of the layer, px. */
  readonly width: number;
  readonly height: number;
}

async function readPicture(file: File): Promise<PictureFile> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (file.type === 'image/svg+xml') return drawSvg(file);
  const size = readImageSize(bytes);
  if (size && size.width * size.height > MOST_PIXELS) throw new Error('too large');
  // Also says whether the rest of the file is whole. Of an animation it is the first frame.
  const bitmap = await createImageBitmap(file);
  const { width, height } = bitmap;
  const asItIs = size && file.type !== 'image/gif' && Math.max(width, height) <= LARGEST_SIDE;
  if (asItIs) return { bytes, width, height };
  const scale = Math.min(1, LARGEST_SIDE / Math.max(width, height));
  return encode(bitmap, Math.round(width * scale), Math.round(height * scale));
}

/** Drawn at twice its size, so that it stays sharp when it is restyled. */
async function drawSvg(file: File): Promise<PictureFile> {
  const url = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const width = image.naturalWidth || 256;
    const height = image.naturalHeight || 256;
    const scale = Math.min(2, LARGEST_SIDE / Math.max(width, height));
    const { bytes } = await encode(image, Math.round(width * scale), Math.round(height * scale));
    return { bytes, width, height };
  } finally {
    URL.revokeObjectURL(url);
  }
}

async function encode(source: CanvasImageSource, width: number, height: number): Promise<PictureFile> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d')!;
  context.imageSmoothingQuality = 'high';
  context.drawImage(source, 0, 0, width, height);
  const blob = await canvas.convertToBlob({ type: 'image/png' });
  return { bytes: new Uint8Array(await blob.arrayBuffer()), width, height };
}
