/** A byte source over HTTP ranges (RFC 9110, section 14). Nothing here runs unless the user names a remote model. */
import { CancelledError, InputError, throwIfCancelled } from '../errors';
import { fetchSafely, readCapped } from './http-fetch';
import { bytesSource, checkRange, MissingFileError, messageOf, type ByteSource } from './source';

export interface HttpOptions {
  /** What errors call the file; the URL when left out. */
  readonly name?: string;
  /** Tests give their own. */
  readonly fetch?: typeof fetch;
  /** Times a read is taken up again after the connection dropped or the server was busy; 4 when left out. */
  readonly retries?: number;
  /** Milliseconds before the first retry, doubled for each further one; 250 when left out. */
  readonly retryDelay?: number;
  /** Bytes that the file has, where that is known; a server that says otherwise is refused. */
  readonly size?: number;
  readonly signal?: AbortSignal;
}

/** Asked for at once when a source is opened; small files and most headers then need no second request. */
const HEAD_BYTES = 1 << 16;
/** Ranges in which a whole file is fetched, so that a dropped connection costs little. */
const BLOB_CHUNK = 1 << 26;

/** Of a file whose size nobody said, from a server that does not do ranges. */
const MAX_WHOLE = 2 ** 31;

/** The server's answer may be better when it is asked again. */
class RetryableError extends Error {}

/** A 200 to a ranged request: the server does not do ranges, and this is the whole file. */
interface Whole {
  readonly whole: Uint8Array;
}

interface Part {
  readonly bytes: Uint8Array;
  readonly total: number;
}

/**
 * Opens a URL. Falls back to downloading the whole file when the server refuses ranges. Throws a MissingFileError on 404,
 * an InputError on any other refusal or when the retries are spent, a CancelledError when the signal fires.
 */
export async function openHttpSource(url: string, options: HttpOptions = {}): Promise<ByteSource> {
  const name = options.name ?? url;
  const client = new RangeClient(url, name, options);
  const opening = await client.get(0, HEAD_BYTES, undefined, options.signal);
  if ('whole' in opening) return bytesSource(name, opening.whole);
  const { bytes: head, total: size } = opening;
  /** Set once every byte is here. */
  let whole: Uint8Array | undefined = head.length === size ? head : undefined;

  async function read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    throwIfCancelled(signal);
    checkRange({ name, size }, offset, length);
    const held = whole ?? (offset + length <= head.length ? head : undefined);
    if (held) return held.subarray(offset, offset + length);
    const answer = await client.get(offset, length, size, signal);
    if ('whole' in answer) {
      whole = answer.whole;
      return whole.subarray(offset, offset + length);
    }
    return answer.bytes;
  }

  async function asBlobOrBytes(signal?: AbortSignal): Promise<Uint8Array | Blob> {
    const parts: BlobPart[] = [];
    for (let offset = 0; offset < size && !whole; offset += BLOB_CHUNK) {
      // Blob parts must lie in an ArrayBuffer of their own kind; every array made here does.
      parts.push((await read(offset, Math.min(BLOB_CHUNK, size - offset), signal)) as Uint8Array<ArrayBuffer>);
    }
    return whole ?? new Blob(parts);
  }

  return { name, size, read, asBlobOrBytes };
}

/** Ranged GETs of one URL, retried and checked. */
class RangeClient {
  readonly #url: string;
  readonly #name: string;
  readonly #options: HttpOptions;
  /** The first answer's validator: a file replaced on the server must not be read half old and half new. */
  #etag: string | null | undefined;

  constructor(url: string, name: string, options: HttpOptions) {
    this.#url = url;
    this.#name = name;
    this.#options = options;
  }

  /** Up to `length` bytes at `start`: exactly `length` when the file's `size` is known, fewer at its end otherwise. */
  async get(
    start: number,
    length: number,
    size: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Whole | Part> {
    throwIfCancelled(signal);
    const retries = this.#options.retries ?? 4;
    const received: Received = { bytes: this.#allocate(length), done: 0, total: size };
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#attempt(start, received, signal);
      } catch (error) {
        if (signal?.aborted) throw new CancelledError();
        if (error instanceof InputError) throw error;
        if (attempt >= retries) {
          throw new InputError(
            `${this.#name}: download failed (${messageOf(error)}); check the connection and run again`,
          );
        }
      }
      await sleep((this.#options.retryDelay ?? 250) * 2 ** attempt, signal);
    }
  }

  /** One request for what is still missing. Bytes that arrive before a drop are kept in `received`. */
  async #attempt(start: number, received: Received, signal: AbortSignal | undefined): Promise<Whole | Part> {
    const first = start + received.done;
    const last = start + received.bytes.length - 1;
    const response = await this.#fetch({ headers: { Range: `bytes=${first}-${last}` }, ...(signal && { signal }) });
    if (response.status === 416 && first === 0 && /^bytes \*\/0$/.test(response.headers.get('content-range') ?? '')) {
      return { whole: new Uint8Array(0) };
    }
    if (response.status === 200) return { whole: await this.#wholeBody(response, received.total) };
    if (response.status !== 206) throw this.#refusal(response.status);

    const range = parseContentRange(response.headers.get('content-range'));
    // A browser hides the header of a server that does not expose it; without it the size is unknown.
    if (!range) return { whole: await this.#download(signal, received.total) };
    if (range.first !== first || range.last > last || range.last >= range.total) {
      throw new RetryableError(`asked for bytes ${first}-${last}, got ${range.first}-${range.last} of ${range.total}`);
    }
    const etag = response.headers.get('etag');
    this.#requireSize(range.total);
    if (received.total !== undefined && received.total !== range.total) throw this.#changed();
    if (this.#etag !== undefined && etag !== this.#etag) throw this.#changed();
    this.#etag = etag;
    received.total = range.total;
    // The opening request asks for more than a small file holds.
    const wanted = Math.min(received.bytes.length, range.total - start);
    await fill(response, received, wanted);
    if (received.done < wanted)
      throw new RetryableError(`the answer stopped after ${received.done} of ${wanted} bytes`);
    return { bytes: received.bytes.subarray(0, wanted), total: range.total };
  }

  /** A plain GET of everything, for servers whose ranges cannot be used. */
  async #download(signal: AbortSignal | undefined, size: number | undefined): Promise<Uint8Array> {
    const response = await this.#fetch(signal ? { signal } : {});
    if (response.status !== 200) throw this.#refusal(response.status);
    return this.#wholeBody(response, size);
  }

  async #wholeBody(response: Response, size: number | undefined): Promise<Uint8Array> {
    const bytes = await readCapped(response, size ?? this.#options.size ?? MAX_WHOLE).catch((error: unknown) => {
      throw error instanceof InputError ? new InputError(`${this.#name}: ${error.message}`) : error;
    });
    const declared = response.headers.get('content-length');
    // Content-Length counts encoded bytes when the body was compressed on the way.
    if (declared !== null && !response.headers.get('content-encoding') && Number(declared) !== bytes.length) {
      throw new RetryableError(`got ${bytes.length} of ${declared} bytes`);
    }
    this.#requireSize(bytes.length);
    if (size !== undefined && bytes.length !== size) throw this.#changed();
    return bytes;
  }

  async #fetch(init: RequestInit): Promise<Response> {
    try {
      return await fetchSafely(this.#url, init, this.#options.fetch);
    } catch (error) {
      throw error instanceof InputError ? new InputError(`${this.#name}: ${error.message}`) : error;
    }
  }

  /** Room for an answer: a server may claim any size, and a file any extent within it. */
  #allocate(length: number): Uint8Array<ArrayBuffer> {
    try {
      return new Uint8Array(length);
    } catch {
      throw new InputError(`${this.#name}: ${length} bytes at once do not fit into memory; check the file`);
    }
  }

  #requireSize(size: number): void {
    const { size: wanted } = this.#options;
    if (wanted === undefined || size === wanted) return;
    throw new InputError(
      `${this.#name}: the server says that it has ${size} bytes, but ${wanted} are listed; try again later, or choose another model`,
    );
  }

  #changed(): InputError {
    return new InputError(`${this.#name}: changed on the server while it was read; run again`);
  }

  #refusal(status: number): Error {
    if (status === 404 || status === 410) {
      return new MissingFileError(
        `${this.#name}: is not on the server (HTTP ${status}); check the model's name and revision`,
      );
    }
    if (status === 401 || status === 403) {
      return new InputError(
        `${this.#name}: the server refuses access (HTTP ${status}: no such model, private, or gated); download it yourself and give its folder`,
      );
    }
    if (status === 416) {
      return new InputError(`${this.#name}: is shorter than the server said; try again later`);
    }
    if (status === 408 || status === 425 || status === 429 || status >= 500)
      return new RetryableError(`HTTP ${status}`);
    return new InputError(`${this.#name}: the server answers HTTP ${status}; check the address`);
  }
}

interface Received {
  readonly bytes: Uint8Array<ArrayBuffer>;
  done: number;
  total: number | undefined;
}

/** Appends a response's body to what has been received, never past `wanted` bytes. */
async function fill(response: Response, received: Received, wanted: number): Promise<void> {
  const reader = response.body?.getReader();
  if (!reader) return;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    if (received.done + value.length > wanted) {
      await reader.cancel();
      throw new RetryableError('the server sent more bytes than were asked for');
    }
    received.bytes.set(value, received.done);
    received.done += value.length;
  }
}

function parseContentRange(header: string | null): { first: number; last: number; total: number } | undefined {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(header?.trim() ?? '');
  return match ? { first: Number(match[1]), last: Number(match[2]), total: Number(match[3]) } : undefined;
}

/** Waits; throws a CancelledError at once when the signal fires. */
function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = (): void => {
      clearTimeout(timer);
      reject(new CancelledError());
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', cancel);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted) cancel();
  });
}
