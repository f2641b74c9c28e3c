/** Models from the hub on disk: fetched once, their hashes checked before they count, gone on with after a break. */
import { openAsBlob } from 'node:fs';
import { appendFile, mkdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { InputError } from '../../engine/errors';
import { download, type FileStore } from '../../engine/weights/download';
import { askHub, fileUrl, type HubListing, type HubOptions } from '../../engine/weights/hub';
import type { HubFile } from '../../engine/weights/hub-file';
import { neededFiles } from '../../engine/weights/needed-files';
import { reasonOf } from './files';
import type { Io } from '../io';
import { withLock } from '../outputs/lock';
import { prepareFolder } from '../outputs/output';
import { duration } from '../terminal/progress';
import { REDRAW } from '../terminal/printable';

export interface CacheOptions extends HubOptions {
  /** Where models are kept; cacheFolder() when left out. */
  readonly cache?: string;
}

/** The user's cache folder, by the custom of the system; DIPTYCH_CACHE names another one. */
export function cacheFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (env['DIPTYCH_CACHE']) return env['DIPTYCH_CACHE'];
  if (platform === 'win32') return join(env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'diptych', 'Cache');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'diptych');
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'diptych');
}

/**
 * Fetches what is lacking of a model, its size said first, and returns the folder it lies in.
 *
 * @throws InputError when it cannot be fetched or does not fit on the disk; CancelledError, and then what has come is kept.
 */
export async function fetchModel(io: Io, name: string, options: CacheOptions = {}): Promise<string> {
  const { cache = cacheFolder(), ...hub } = options;
  const listing = await askHub(name, hub, io.signal);
  const files = neededFiles(name, listing.files);
  const folder = join(cache, 'hub', ...name.slice('hub:'.length).split('@')[0]!.split('/'), listing.commit);
  const lacking: HubFile[] = [];
  for (const file of files) if (!(await isWhole(folder, file))) lacking.push(file);
  if (lacking.length === 0) return folder;
  await prepareFolder(dirname(folder));
  await withLock(folder, () => fetchFiles(io, listing, lacking, folder, hub));
  return folder;
}

async function fetchFiles(
  io: Io,
  listing: HubListing,
  files: readonly HubFile[],
  folder: string,
  hub: HubOptions,
): Promise<void> {
  const store = diskStore(folder);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  io.err(`${listing.name}: fetching ${mebibytes(bytes)} into ${folder}\n`);
  await mkdir(folder, { recursive: true });
  await requireSpace(folder, bytes);
  const { endpoint: _, ...http } = hub;
  const started = performance.now();
  let before = 0;
  let shown = -Infinity;
  for (const file of files) {
    const show = (have: number): void => {
      const now = performance.now();
      if (now - shown < (io.interactive ? 100 : 5000)) return;
      shown = now;
      const text = `fetching ${mebibytes(before + have)} of ${mebibytes(bytes)}`;
      io.err(io.interactive ? `${REDRAW}${text}` : `${text}\n`);
    };
    try {
      await download(
        store,
        { model: listing.name, file, url: fileUrl(listing, file.path, hub) },
        { ...http, signal: io.signal },
        show,
      );
    } finally {
      if (io.interactive) io.err(REDRAW);
    }
    await rename(partPath(folder, file.path), join(folder, file.path));
    before += file.size;
  }
  io.err(`${listing.name}: fetched in ${duration((performance.now() - started) / 1000)}\n`);
}

/** Whether a file is there; it has its name only once its hash was right. */
async function isWhole(folder: string, { path, size }: HubFile): Promise<boolean> {
  return (await stat(join(folder, path)).catch(() => undefined))?.size === size;
}

const partPath = (folder: string, path: string): string => join(folder, `${path}.part`);

/** Files grow under another name. */
function diskStore(folder: string): FileStore {
  return {
    async parts(_, path) {
      const part = partPath(folder, path);
      const info = await stat(part).catch(() => undefined);
      return info && info.size > 0 ? [await openAsBlob(part)] : [];
    },
    async append(_, path, bytes) {
      const part = partPath(folder, path);
      try {
        await mkdir(dirname(part), { recursive: true });
        await appendFile(part, bytes, { flush: true });
      } catch (error) {
        throw new InputError(`${part}: cannot be written (${reasonOf(error)}); free some space, then go on`);
      }
    },
    removeFile: (_, path) => rm(partPath(folder, path), { force: true }),
  };
}

/** Throws an InputError when a folder has no room for what it is to hold. */
export async function requireSpace(folder: string, bytes: number): Promise<void> {
  const disk = await statfs(folder).catch(() => undefined);
  const free = disk ? disk.bavail * disk.bsize : Infinity;
  if (free >= bytes) return;
  throw new InputError(
    `${folder}: has ${mebibytes(free)} free, the model needs ${mebibytes(bytes)}; free some space, or name another folder in DIPTYCH_CACHE`,
  );
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
