/**
 * Models on the Hugging Face Hub: the one client of the command line and the panel. A name stands for the commit that
 * the hub gives for it once; sizes and hashes of all files come from that answer. Used only when the user names a model
 * as `hub:ORG/NAME`.
 */
import * as v from 'valibot';
import { CancelledError, InputError } from '../errors';
import { folderOf, type ModelFolder } from './folder';
import { fetchSafely, readCapped } from './http-fetch';
import { openHttpSource } from './http-range';
import { requireHash, type HubFile } from './hub-file';
import { bytesSource, messageOf, MissingFileError, readAll, type ByteSource } from './source';

export interface HubName {
  readonly organisation: string;
  readonly repository: string;
  /** A branch, tag or commit. */
  readonly revision: string;
}

/** Whether a model argument names a Hub repository and not a folder. */
export function isHubName(text: string): boolean {
  return text.startsWith('hub:');
}

/** Parses `hub:ORG/NAME[@rev]`; throws an InputError when it is not one. */
export function parseHubName(text: string): HubName {
  const match = /^hub:([\w.-]{1,96})\/([\w.-]{1,96})(?:@([\w./-]{1,200}))?$/.exec(text);
  const [, organisation, repository, revision = 'main'] = match ?? [];
  if (!organisation || !repository || /(^|\/)\.{0,2}(\/|$)/.test(`${organisation}/${repository}/${revision}`)) {
    throw new InputError(`${JSON.stringify(text)} is not a hub model; write hub:ORG/NAME or hub:ORG/NAME@REVISION`);
  }
  return { organisation, repository, revision };
}

export interface HubOptions {
  /** "https://huggingface.co" when left out. */
  readonly endpoint?: string;
  /** Tests give their own. */
  readonly fetch?: typeof fetch;
  /** Of files' downloads; see HttpOptions. */
  readonly retries?: number;
  readonly retryDelay?: number;
}

export interface HubListing {
  /** "hub:ORG/NAME" or "hub:ORG/NAME@REVISION". */
  readonly name: string;
  /** The commit that the revision stands for now. */
  readonly commit: string;
  readonly files: readonly HubFile[];
}

const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const hex = (digits: number) => v.pipe(v.string(), v.regex(new RegExp(`^[0-9a-f]{${digits}}$`)));
const answer = v.object({
  sha: hex(40),
  siblings: v.array(
    v.object({
      rfilename: v.pipe(v.string(), v.minLength(1), v.maxLength(500)),
      size: v.optional(size),
      blobId: v.optional(hex(40)),
      lfs: v.nullish(v.object({ size, sha256: hex(64) })),
    }),
  ),
});

export const HUB = 'https://huggingface.co';

/** Of the answer that lists a repository; one of 10,000 files has 3 MB. */
const MAX_LISTING_BYTES = 1 << 25;

/**
 * Asks the hub what a repository holds. This is the first time anything goes over the network.
 *
 * @throws InputError when the hub cannot be reached, refuses, or has no such model.
 */
export async function askHub(name: string, options: HubOptions, signal?: AbortSignal): Promise<HubListing> {
  const { organisation, repository, revision } = parseHubName(name);
  const { endpoint = HUB } = options;
  const url = `${endpoint}/api/models/${organisation}/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`;
  let response: Response;
  let body: unknown;
  try {
    response = await fetchSafely(url, { ...(signal && { signal }) }, options.fetch);
    body = response.ok
      ? JSON.parse(new TextDecoder().decode(await readCapped(response, MAX_LISTING_BYTES)))
      : undefined;
  } catch (error) {
    if (signal?.aborted) throw new CancelledError();
    if (error instanceof InputError) throw new InputError(`${name}: ${error.message}`);
    throw new InputError(
      `${name}: the hub cannot be reached (${messageOf(error)}); check the connection and try again`,
    );
  }
  // The hub says 401 for what does not exist, so as not to tell what is private.
  if ([401, 403, 404].includes(response.status)) {
    throw new InputError(
      `${name}: there is no such model on the hub, or it is private or gated; check the name, or download it yourself and choose its folder`,
    );
  }
  if (!response.ok) throw new InputError(`${name}: the hub answers HTTP ${response.status}; try again later`);
  const read = v.safeParse(answer, body);
  if (!read.success) throw new InputError(`${name}: the hub's answer is not understood; update Diptych`);
  const { sha, siblings } = read.output;
  const files = siblings.flatMap(({ rfilename: path, size: bytes, blobId, lfs }): HubFile[] => {
    if (lfs) return [{ path, size: lfs.size, hash: { algorithm: 'sha256', digest: lfs.sha256 } }];
    if (bytes === undefined || blobId === undefined) return [];
    return [{ path, size: bytes, hash: { algorithm: 'git-sha1', digest: blobId } }];
  });
  return { name, commit: sha, files };
}

/** Where a file of a listing is fetched from. */
export function fileUrl({ name, commit }: HubListing, path: string, { endpoint = HUB }: HubOptions): string {
  const { organisation, repository } = parseHubName(name);
  return `${endpoint}/${organisation}/${repository}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`;
}

/** Files up to this size are read whole and their hash is checked, whoever opens them; larger ones are read by ranges. */
const CHECKED_BYTES = 1 << 24;

/**
 * The folder of a Hub repository, at one commit, for looking into it: what a model is used for is downloaded whole
 * (download.ts). Nothing is fetched before the first file is asked for; an opened file is kept open.
 */
export function hubFolder(text: string, options: HubOptions = {}): ModelFolder {
  parseHubName(text);
  const { endpoint: _, ...http } = options;
  let listing: Promise<HubListing> | undefined;
  const opened = new Map<string, ByteSource>();
  const listed = async (signal: AbortSignal | undefined): Promise<HubListing> => {
    listing ??= askHub(text, options, signal);
    // An answer that failed is asked for again.
    listing.catch(() => (listing = undefined));
    return listing;
  };
  return folderOf(
    text,
    async (path, signal) => {
      const known = opened.get(path);
      if (known) return known;
      const all = await listed(signal);
      const file = all.files.find((one) => one.path === path);
      if (!file) throw new MissingFileError(`${text}/${path}: the hub lists no such file; choose another model`);
      const name = `${text}/${path}`;
      const source = await openHttpSource(fileUrl(all, path, options), {
        ...http,
        name,
        size: file.size,
        ...(signal && { signal }),
      });
      const checked = file.size <= CHECKED_BYTES ? await checkedSource(source, file, signal) : source;
      opened.set(path, checked);
      return checked;
    },
    async () => (await listed(undefined)).files.map(({ path }) => path),
  );
}

async function checkedSource(source: ByteSource, file: HubFile, signal: AbortSignal | undefined): Promise<ByteSource> {
  const bytes = await readAll(source, CHECKED_BYTES, signal);
  requireHash(source.name, file, bytes);
  return bytesSource(source.name, bytes);
}
