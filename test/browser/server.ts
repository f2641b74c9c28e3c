/** A static server on loopback for the browser tests. It is also the browser's proxy, so that nothing goes elsewhere. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.png': 'image/png',
};

export interface TestServer {
  /** "http://127.0.0.1:PORT" */
  readonly origin: string;
  /** What was asked of other hosts, and refused. */
  readonly strayed: string[];
  close(): Promise<void>;
}

/** Headers that make pages cross-origin isolated, which threads need. */
const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/**
 * Serves `pages` by their paths, and files of `roots`, where the first part of a path names the root.
 *
 * @param headers of every answer.
 */
export async function startServer(
  roots: Readonly<Record<string, string>>,
  pages: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = ISOLATED,
): Promise<TestServer> {
  const strayed: string[] = [];
  const server = createServer((request, response) => {
    const { url = '/' } = request;
    // A proxy is asked for whole addresses.
    if (!url.startsWith('/')) {
      strayed.push(`${request.method} ${url}`);
      response.writeHead(403).end();
      return;
    }
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    serve(roots, pages, request, response).catch(() => response.writeHead(404).end());
  });
  server.on('connect', (request, socket) => {
    strayed.push(`CONNECT ${request.url}`);
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    strayed,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

async function serve(
  roots: Readonly<Record<string, string>>,
  pages: Readonly<Record<string, string>>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.setHeader('Cache-Control', 'no-store');
  const path = normalize(decodeURIComponent(new URL(request.url!, 'http://x').pathname));
  const page = pages[path];
  if (page !== undefined) {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(page);
    return;
  }
  const [, first = '', ...rest] = path.split('/');
  const root = roots[first];
  if (!root) throw new Error(`${path} is not served`);
  const file = join(root, ...rest);
  const { size } = await stat(file);
  response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream');
  response.setHeader('Accept-Ranges', 'bytes');
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  if (from === undefined) {
    response.writeHead(200, { 'Content-Length': size });
    createReadStream(file).pipe(response);
    return;
  }
  const [start, end] = [Number(from), Math.min(Number(to), size - 1)];
  response.writeHead(206, { 'Content-Range': `bytes ${start}-${end}/${size}`, 'Content-Length': end - start + 1 });
  createReadStream(file, { start, end }).pipe(response);
}
