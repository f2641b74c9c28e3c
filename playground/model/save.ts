/** Saves what is selected as PNG files. */
import type { App } from './app';

/** px; smaller layers are saved at twice their size. */
const SHARP = 512;

export async function saveSelection(app: App): Promise<void> {
  for (const id of app.editor.selection) {
    const { name } = app.file.scene.get(id);
    try {
      download(`${name.replace(/[\\/:*?"<>|]/g, '-')}.png`, await exportPng(app, id));
    } catch (error) {
      app.notify(`“${name}” could not be saved: ${(error as Error).message}`, { error: true });
    }
  }
}

/** A node as PNG; at its own size, or at `scale` times it. */
export async function exportPng(app: App, id: string, scale?: number): Promise<Uint8Array> {
  const { scene, images } = app.file;
  const region = scene.bounds(id);
  if (!scene.isShown(id) || region.width === 0 || region.height === 0) throw new Error('it cannot be seen');
  const by = scale ?? (Math.max(region.width, region.height) < SHARP ? 2 : 1);
  const size = {
    width: Math.max(1, Math.round(region.width * by)),
    height: Math.max(1, Math.round(region.height * by)),
  };
  return app.editor.host.renderer.draw({ scene, images, id, region, ...size });
}

function download(name: string, png: Uint8Array): void {
  const url = URL.createObjectURL(new Blob([png as Uint8Array<ArrayBuffer>], { type: 'image/png' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser reads the address after the click was handled.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
