/** A server of static files on this machine alone, by `send`: whole files and ranges, and answers "not modified". */
import { realpath } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join, sep } from 'node:path';

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

  // Not at the top: `npm start` on a fresh clone loads this file before the packages are installed.
  const { default: send } = await import('send');
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    answer(send, folders, cacheControl, request, response).catch(() => refuse(response, 500));
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

async function answer(send, folders, cacheControl, request, response) {
  if (request.method === 'OPTIONS') {
    response.setHeader('Access-Control-Allow-Headers', 'range');
    return refuse(response, 204);
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405);
  const [pathname] = request.url.split('?');
  const mount = folders.find(({ path }) => `${pathname}/`.startsWith(path));
  if (!mount) return refuse(response, 404);
  const path = pathname.slice(mount.path.length);
  if (await leadsOut(mount.folder, path)) return refuse(response, 404);
  send(request, `/${path}`, { root: mount.folder, cacheControl: false, lastModified: false })
    .on('error', ({ status, headers = {} }) => {
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      refuse(response, status);
    })
    // Not on what is refused: a file that is missing now may be there later.
    .on('headers', () => response.setHeader('Cache-Control', cacheControl(path)))
    // A folder's address ends with a slash; nothing redirects to it.
    .on('directory', () => refuse(response, 404))
    .pipe(response);
}

/** Whether a path is a link to outside of its folder, which `send` would follow. */
async function leadsOut(folder, path) {
  try {
    return !`${await realpath(join(folder, decodeURIComponent(path)))}${sep}`.startsWith(folder + sep);
  } catch {
    return false;
  }
}

function refuse(response, status) {
  if (!response.headersSent) response.writeHead(status === 403 || status === 400 ? 404 : status);
  response.end();
}
