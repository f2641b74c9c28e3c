/** `npm start`: installs what it lacks, builds, and serves the playground. --port N, --no-build. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheControl, ISOLATION } from './build/site-headers.mjs';
import { root } from './install.mjs';
import { serveCommand } from './serve-command.mjs';
import { startServer } from './static-server.mjs';

const PORT = 8138;

/** Serves the playground with the plugin and the hosted panel beside it, all of one origin. */
export function servePlayground(port = PORT) {
  const dist = (folder) => join(root, 'dist', folder);
  return startServer({
    mounts: { '/': dist('playground'), '/plugin/': dist('plugin'), '/hosted/': dist('hosted') },
    port,
    // Browsers without Document-Isolation-Policy isolate a frame only where the page around it is isolated too.
    headers: { ...ISOLATION, 'Cross-Origin-Opener-Policy': 'same-origin' },
    cacheControl,
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await serveCommand({ what: 'the playground', port: PORT, serve: servePlayground });
}
