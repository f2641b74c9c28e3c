/** fetch as the engine uses it: never from https to http, never more of a body than is wanted. */
import { InputError } from '../errors';

const MAX_REDIRECTS = 10;

/**
 * Fetches a URL, following redirects to https only where it is https itself.
 *
 * @throws InputError when a redirect leads elsewhere, whatever `fetch` throws otherwise.
 */
export async function fetchSafely(url: string, init: RequestInit, fetcher: typeof fetch = fetch): Promise<Response> {
  // A browser shows no redirect to a page, and follows none from https to http.
  if (!IS_NODE) {
    const response = await fetcher(url, init);
    requireSecure(url, response.url || url);
    return response;
  }
  for (let at = url, n = 0; n <= MAX_REDIRECTS; n++) {
    const response = await fetcher(at, { ...init, redirect: 'manual' });
    const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null;
    if (location === null) return response;
    await response.body?.cancel();
    if (!URL.canParse(location, at))
      throw new InputError(`${at} redirects to ${JSON.stringify(location)}, which is no address`);
    const next = new URL(location, at).href;
    requireSecure(url, next);
    at = next;
  }
  throw new InputError(`${url} redirects more than ${MAX_REDIRECTS} times; check the address`);
}

const IS_NODE = typeof process !== 'undefined' && process.versions?.node !== undefined;

function requireSecure(from: string, to: string): void {
  // A page may name its own files by relative addresses.
  const base = globalThis.location?.href;
  const allowed = new URL(from, base).protocol === 'https:' ? ['https:'] : ['https:', 'http:'];
  if (allowed.includes(new URL(to, base).protocol)) return;
  throw new InputError(
    `${new URL(from, base).origin} redirects to ${new URL(to, base).origin}, which is not encrypted; nothing was read from there`,
  );
}

/** A body of at most `limit` bytes; throws an InputError as soon as there are more. */
export async function readCapped(response: Response, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let chunk = await reader?.read(); chunk && !chunk.done; chunk = await reader!.read()) {
    chunks.push(chunk.value);
    size += chunk.value.length;
    if (size > limit) {
      await reader!.cancel();
      throw new InputError(`the server sends more than the ${limit} bytes expected; nothing of it is used`);
    }
  }
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
