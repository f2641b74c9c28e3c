/** What the Hugging Face Hub says of a repository: its commit, and the size and hash of every file. */
import { CancelledError, InputError } from '../../../engine/errors';
import { parseHubName } from '../../../engine/weights/hub';
import { messageOf } from '../../../engine/weights/source';
import * as v from 'valibot';
import type { SizedFile } from './needed';

export interface HubOptions {
  /** "https://huggingface.co" when left out. */
  readonly endpoint?: string;
  /** Tests give their own. */
  readonly fetch?: typeof fetch;
  /** Of files' downloads; see HttpOptions. */
  readonly retries?: number;
  readonly retryDelay?: number;
}

/** The hub knows the SHA-256 of large files, and of small ones the SHA-1 under which git keeps them. */
export interface Hash {
  readonly algorithm: 'sha256' | 'git-sha1';
  /** Hex digits, lower case. */
  readonly digest: string;
}

export interface HubFile extends SizedFile {
  readonly hash: Hash;
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
    response = await (options.fetch ?? fetch)(url, signal ? { signal } : {});
    body = response.ok ? await response.json() : undefined;
  } catch (error) {
    if (signal?.aborted) throw new CancelledError();
    throw new InputError(`${name}: the hub cannot be reached (${messageOf(error)}); check the connection and try again`);
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
