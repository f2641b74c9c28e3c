/**
 * What the hosted panel knows the addresses of: the list of files in its own page (scripts/build/hosted.mjs). Nothing is
 * fetched before it is asked for; browsers keep what they fetched, for the addresses carry a hash.
 */
import { bytesToHex } from '@noble/hashes/utils.js';
import { InputError } from '../engine/errors';
import { modelAmong } from './assets-model';
import type { ModelFiles, PanelAssets } from './ports';

interface ListedFile {
  /** Relative to the page. */
  readonly url: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

export function hostedAssets(): PanelAssets {
  const list = JSON.parse(document.getElementById('files')!.textContent) as Readonly<Record<string, ListedFile>>;
  const address = (file: ListedFile): string => new URL(file.url, document.baseURI).href;
  const within = (prefix: string): [string, ListedFile][] =>
    Object.entries(list)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, file]) => [name.slice(prefix.length), file]);
  const model = async (prefix: string): Promise<ModelFiles> => {
    const files = within(prefix).map(
      async ([name, file]) => [name, await fetchFile(name, file, address(file))] as const,
    );
    return modelAmong(new Map(await Promise.all(files)));
  };
  return {
    build: 'hosted',
    workerUrl: async () => address(list['engine-worker.js']!),
    pictureWorkerUrl: async () => address(list['pictures-worker.js']!),
    wasm: async () => new Map(within('wasm/').map(([name, file]) => [name, address(file)])),
    embeddedModel: () => model('model/'),
    pairModel: () => model('pair-model/'),
  };
}

/** Throws an InputError when the file does not arrive as it was built. */
async function fetchFile(name: string, file: ListedFile, url: string): Promise<Blob> {
  const response = await fetch(url).catch((error: unknown) => {
    throw new InputError(`${name} cannot be fetched (${String(error)}); check the connection and try again`);
  });
  if (!response.ok)
    throw new InputError(`${name} cannot be fetched (HTTP ${response.status}); close the panel and open it again`);
  const bytes = await response.arrayBuffer();
  // Hosted panels come over https or from localhost, which alone have WebGPU; digests come with that.
  const hex = bytesToHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
  if (hex !== file.sha256) {
    throw new InputError(
      `${name} is not the file this panel was built with (SHA-256 ${hex}); publish the whole build again`,
    );
  }
  return new Blob([bytes]);
}
