/**
 * What the embedded panel brings along: files that lie in its own document as base64 (scripts/build/embedded.mjs). Each is
 * decoded when it is first asked for, and its text given back.
 */
import { modelAmong } from './assets-model';
import type { PanelAssets } from './ports';

export function embeddedAssets(): PanelAssets {
  const files = new PackedFiles();
  const engineWorker = files.script('engine-worker.js');
  const pictureWorker = files.script('pictures-worker.js');
  return {
    build: 'embedded',
    workerUrl: engineWorker,
    pictureWorkerUrl: pictureWorker,
    wasm: () => files.within('wasm/'),
    embeddedModel: async () => modelAmong(await files.within('model/')),
    pairModel: async () => modelAmong(await files.within('pair-model/')),
  };
}

class PackedFiles {
  readonly #unpacked = new Map<string, Promise<Blob>>();

  /** The files whose names begin with `prefix`, by the rest of their names. */
  async within(prefix: string): Promise<Map<string, Blob>> {
    await wholeDocument();
    const elements = [...document.querySelectorAll<HTMLElement>(`script[data-file^="${prefix}"]`)];
    const files = elements.map(async (element) => {
      const name = element.dataset['file']!;
      return [name.slice(prefix.length), await this.#file(name)] as const;
    });
    return new Map(await Promise.all(files));
  }

  /** Gives the URL of a script, always the same one. */
  script(name: string): () => Promise<string> {
    let url: Promise<string> | undefined;
    const make = async (): Promise<string> => {
      await wholeDocument();
      return URL.createObjectURL(new Blob([await this.#file(name)], { type: 'text/javascript' }));
    };
    return () => (url ??= make());
  }

  #file(name: string): Promise<Blob> {
    let file = this.#unpacked.get(name);
    if (!file) {
      file = unpack(document.querySelector<HTMLElement>(`script[data-file="${name}"]`)!);
      this.#unpacked.set(name, file);
    }
    return file;
  }
}

/** Resolves when the parser has passed the last packed file, after which a script says so. */
function wholeDocument(): Promise<void> {
  return new Promise((resolve) => {
    if (document.querySelector('script[data-end]')) resolve();
    else addEventListener('packed-files', () => resolve(), { once: true });
  });
}

async function unpack(element: HTMLElement): Promise<Blob> {
  const bytes = decodeBase64(element.textContent);
  // The Blob holds the file from now on; the text would be as large again, twice.
  element.textContent = '';
  const blob = new Blob([bytes]);
  if (element.dataset['gzip'] === undefined) return blob;
  return new Response(blob.stream().pipeThrough(new DecompressionStream('gzip'))).blob();
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}
