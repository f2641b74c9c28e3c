/** `npm run serve`: builds, and serves the hosted panel on this machine. --port N, --no-build. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheControl, DEVELOPMENT_HEADERS } from './build/site-headers.mjs';
import { root } from './install.mjs';
import { serveCommand } from './serve-command.mjs';
import { startServer } from './static-server.mjs';

/** The port that a build without DIPTYCH_HOST expects the hosted panel at. */
const PORT = 8137;

/** Serves a folder of the hosted panel as any host should (docs/hosting.md). Throws an Error when the port is taken. */
export function serveHosted(port = PORT, folder = 'dist/hosted') {
  return startServer({ mounts: { '/': join(root, folder) }, port, headers: DEVELOPMENT_HEADERS, cacheControl });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await serveCommand({ what: 'the hosted panel', port: PORT, serve: serveHosted });
}
