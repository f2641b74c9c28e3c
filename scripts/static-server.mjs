/** A server of static files on this machine alone: whole files and ranges, and answers "not modified". */
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, sep } from 'node:path';
import { pipeline } from 'node:stream';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.svg': 'image/svg+xml',
};

/**
 * Starts to serve. Throws an Error that says so when the port is taken.
 *
 * @param options.mounts folders by the paths they are served under, e.g. { '/': 'dist/hosted' }. The longest path wins.
 * @param options.port 0 for any that is free.
 * @param options.headers for every answer.
 * @param options.cacheControl gives the Cache-Control of a path below its mount, e.g. "assets/panel.js".
 * @returns the origin, e.g. "http://localhost:8137", and a function that ends the server.
 */
export async function startServer({ mounts, port = 0, headers = {}, cacheControl = () => 'no-cache' }) {
  const folders = await Promise.all(
    Object.entries(mounts).map(async ([path, folder]) => ({
      path: path.endsWith('/') ? path : `${path}/`,
      folder: await realpath(folder).catch(() => {
        throw new Error(`${folder} does not exist; run: npm run build`);
      }),
    })),
  );
  folders.sort((a, b) => b.path.length - a.path.length);

  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    answer(folders, cacheControl, request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  await new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        error.code === 'EADDRINUSE' ? new Error(`port ${port} is taken; end what uses it, or give another`) : error,
      );
    });
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    origin: `http://localhost:${server.address().port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

async function answer(folders, cacheControl, request, response) {
  if (request.method === 'OPTIONS') {
    response.setHeader('Access-Control-Allow-Headers', 'range');
    return refuse(response, 204);
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405);
  const found = await find(folders, request.url);
  if (!found) return refuse(response, 404);
  const { file, path, size, etag } = found;
  response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream');
  response.setHeader('Cache-Control', cacheControl(path));
  response.setHeader('Accept-Ranges', 'bytes');
  response.setHeader('ETag', etag);
  if (request.headers['if-none-match'] === etag) return refuse(response, 304);

  const range = readRange(request.headers.range, size);
  if (range === 'outside') {
    response.setHeader('Content-Range', `bytes */${size}`);
    return refuse(response, 416);
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  if (range) response.setHeader('Content-Range', `bytes ${start}-${end}/${size}`);
  response.writeHead(range ? 206 : 200, { 'Content-Length': end - start + 1 });
  if (request.method === 'HEAD' || size === 0) response.end();
  // An error is the client going away: there is nobody to tell.
  else pipeline(createReadStream(file, { start, end }), response, () => undefined);
}

function refuse(response, status) {
  response.writeHead(status).end();
}

/** The file of a URL; a folder's is its index.html. undefined when there is none, or it lies outside of its folder. */
async function find(folders, url) {
  let pathname;
  try {
    pathname = decodeURIComponent(new URL(url, 'http://localhost').pathname);
  } catch {
    return undefined;
  }
  const mount = folders.find(({ path }) => `${pathname}/`.startsWith(path));
  if (!mount || pathname.includes('\0')) return undefined;
  const wanted = join(mount.folder, pathname.slice(mount.path.length));
  try {
    // Links are followed before the file is judged to lie inside.
    const real = await realpath(wanted);
    const file = (await stat(real)).isDirectory() ? join(real, 'index.html') : real;
    if (!file.startsWith(mount.folder + sep)) return undefined;
    const { size, mtimeMs } = await stat(file);
    const path = file.slice(mount.folder.length + 1).replaceAll(sep, '/');
    return { file, path, size, etag: `"${size.toString(36)}-${Math.round(mtimeMs).toString(36)}"` };
  } catch {
    return undefined;
  }
}

/** One range of bytes (RFC 9110, section 14.1.2), 'outside' when it cannot be met, undefined for the whole file. */
function readRange(header, size) {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === undefined || (first === '' && last === '')) return undefined;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return start > end ? 'outside' : { start, end };
}
