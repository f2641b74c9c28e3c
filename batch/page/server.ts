/** The web page of batches: progress, failures with retry, a contact sheet, and /metrics. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InputError } from '../../engine/errors';
import { ICON, PAGE } from './html';
import { metricsOf } from './metrics';
import type { BatchSource, Thumbnail } from './source';
import type { BatchStatus } from '../status';

export interface PageOptions {
  /** 0 for any free one. */
  readonly port: number;
  readonly host: string;
  /** The bundled client.ts. */
  readonly script: string;
  readonly thumbnail: Thumbnail;
}

export interface Page {
  /** With its token, where it needs one. */
  readonly address: string;
  close(): Promise<void>;
}

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);
const COOKIE = 'diptych-token';
const THUMBNAILS_KEPT = 1000;
/** All viewers of a moment see one answer of the queue, ms. */
const FRESH_MS = 500;

/** Starts the page. Throws an InputError when the port is taken. */
export async function servePage(source: BatchSource, options: PageOptions): Promise<Page> {
  const { host, port } = options;
  // Others on this machine are trusted with the loopback address, others on the network need the token.
  const token = LOOPBACK.has(host) ? undefined : randomBytes(16).toString('hex');
  const site = new Site(source, options, token);
  const server = createServer((request, response) => void site.answer(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new InputError(`--serve ${host}:${port}: cannot be used (${error.code ?? error.message}); name another port`),
      ),
    );
    server.listen(port, host, resolve);
  });
  const shown = host.includes(':') ? `[${host}]` : host;
  const address = `http://${shown}:${(server.address() as AddressInfo).port}/${token ? `?token=${token}` : ''}`;
  return { address, close: () => closeServer(server) };
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

/** An answer other than 200. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

class Site {
  #fresh: { readonly until: number; readonly batches: Promise<readonly BatchStatus[]> } | undefined;
  readonly #thumbnails = new Map<string, Promise<Uint8Array>>();

  constructor(
    private readonly source: BatchSource,
    private readonly options: PageOptions,
    private readonly token: string | undefined,
  ) {}

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = new URL(request.url ?? '/', 'http://page');
      this.#admit(request, url, response);
      await this.#route(request, url, response);
    } catch (error) {
      const status = error instanceof Refusal ? error.status : error instanceof InputError ? 400 : 500;
      send(response, status, 'text/plain; charset=utf-8', error instanceof Error ? error.message : String(error));
    }
  }

  async #route(request: IncomingMessage, url: URL, response: ServerResponse): Promise<void> {
    const path = url.pathname.split('/').slice(1).map(decodeURIComponent);
    if (request.method === 'POST' && path[0] === 'retry' && path.length <= 3) {
      await this.source.retry(path[1]!, path[2]);
      this.#fresh = undefined;
      return send(response, 200, 'application/json', '{}');
    }
    if (request.method !== 'GET') throw new Refusal(405, 'only GET, and POST to /retry');
    switch (path[0]) {
      case '':
        return send(response, 200, 'text/html; charset=utf-8', PAGE);
      case 'icon.svg':
        return send(response, 200, 'image/svg+xml', ICON);
      case 'page.js':
        return send(response, 200, 'text/javascript; charset=utf-8', await readFile(this.options.script));
      case 'batches.json':
        return send(response, 200, 'application/json', JSON.stringify(await this.#batches()));
      case 'metrics': {
        const { text, type } = await metricsOf(await this.#batches());
        return send(response, 200, type, text);
      }
      case 'picture':
        response.setHeader('cache-control', 'private, max-age=60');
        return send(response, 200, 'image/webp', await this.#picture(path));
      default:
        throw new Refusal(404, 'there is no such page');
    }
  }

  /** Throws a Refusal unless the request comes from who was given the address. */
  #admit(request: IncomingMessage, url: URL, response: ServerResponse): void {
    if (this.token === undefined) {
      // Another site's page, by a host name of its own that leads here, must not read this one.
      const host = (request.headers.host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
      if (!LOOPBACK.has(host)) throw new Refusal(403, 'use the address that was printed');
    } else {
      const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
      const cookie = new RegExp(`${COOKIE}=([0-9a-f]+)`).exec(request.headers.cookie ?? '')?.[1];
      const given = url.searchParams.get('token') ?? bearer ?? cookie ?? '';
      if (!sameText(given, this.token))
        throw new Refusal(403, 'the address lacks its token; use the one that was printed');
      response.setHeader('set-cookie', `${COOKIE}=${this.token}; HttpOnly; SameSite=Strict`);
    }
    // A form of another site cannot set a header of its own.
    if (request.method === 'POST' && request.headers['x-diptych'] === undefined)
      throw new Refusal(403, 'not from here');
  }

  #batches(): Promise<readonly BatchStatus[]> {
    const now = Date.now();
    if (!this.#fresh || this.#fresh.until < now) {
      this.#fresh = { until: now + FRESH_MS, batches: this.source.list() };
    }
    return this.#fresh.batches;
  }

  /** Only files that a batch names are shown. /picture/BATCH/KEY/before or /picture/BATCH/KEY/0 */
  async #picture([, name, key, which]: readonly string[]): Promise<Uint8Array> {
    const batch = (await this.#batches()).find((status) => status.name === name);
    const picture = batch?.recent.find((finished) => finished.key === key);
    const path = which === 'before' ? picture?.input : picture?.outputs[Number(which)];
    if (!picture || path === undefined) throw new Refusal(404, 'there is no such picture');
    const id = `${picture.key} ${which} ${picture.time}`;
    let made = this.#thumbnails.get(id);
    if (!made) {
      made = this.options.thumbnail(path);
      this.#thumbnails.set(id, made);
      made.catch(() => this.#thumbnails.delete(id));
      if (this.#thumbnails.size > THUMBNAILS_KEPT) this.#thumbnails.delete(this.#thumbnails.keys().next().value!);
    }
    return made;
  }
}

function sameText(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function send(response: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
  response.writeHead(status, {
    'content-type': type,
    'content-security-policy':
      "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src 'self'; connect-src 'self'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  });
  response.end(body);
}
