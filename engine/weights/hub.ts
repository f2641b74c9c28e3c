/** Model folders on the Hugging Face Hub, read over HTTP ranges. Used only when the user names one as `hub:ORG/NAME`. */
import { InputError } from '../errors';
import { folderOf, type ModelFolder } from './folder';
import { openHttpSource } from './http-range';
import type { ByteSource } from './source';

export interface HubName {
  readonly organisation: string;
  readonly repository: string;
  /** A branch, tag or commit. */
  readonly revision: string;
}

export interface HubOptions {
  /** Tests give their own. */
  readonly fetch?: typeof fetch;
  /** "https://huggingface.co" when left out. */
  readonly endpoint?: string;
  readonly retries?: number;
  readonly retryDelay?: number;
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

/** The folder of a Hub repository. Nothing is fetched before the first file is asked for; an opened file is kept open. */
export function hubFolder(text: string, options: HubOptions = {}): ModelFolder {
  const { organisation, repository, revision } = parseHubName(text);
  const { endpoint = 'https://huggingface.co', ...http } = options;
  const root = `${endpoint}/${organisation}/${repository}/resolve/${encodeURIComponent(revision)}`;
  const opened = new Map<string, ByteSource>();
  return folderOf(text, async (path, signal) => {
    const known = opened.get(path);
    if (known) return known;
    const url = `${root}/${path.split('/').map(encodeURIComponent).join('/')}`;
    const source = await openHttpSource(url, { ...http, name: `${text}/${path}`, ...(signal && { signal }) });
    opened.set(path, source);
    return source;
  });
}
