/** `npm start`: installs what it lacks, builds, and serves the playground. --port N, --no-build. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cacheControl, HEADERS } from './build/site-headers.mjs';
import { ensurePackages, giveUp, root, run } from './install.mjs';
import { startServer } from './static-server.mjs';

const PORT = 8138;

/** Serves the playground with the plugin and the hosted panel beside it, all of one origin. */
export function servePlayground(port = PORT) {
  const dist = (folder) => join(root, 'dist', folder);
  return startServer({
    mounts: { '/': dist('playground'), '/plugin/': dist('plugin'), '/hosted/': dist('hosted') },
    port,
    // Browsers without Document-Isolation-Policy isolate a frame only where the page around it is isolated too.
    headers: { ...HEADERS, 'Cross-Origin-Opener-Policy': 'same-origin' },
    cacheControl,
  });
}

function readArguments() {
  const options = { port: { type: 'string', default: String(PORT) }, 'no-build': { type: 'boolean' } };
  try {
    const { values } = parseArgs({ options });
    if (!/^\d{1,5}$/.test(values.port)) throw new Error(`--port is "${values.port}"; give a number`);
    return { port: Number(values.port), build: !values['no-build'] };
  } catch (error) {
    return giveUp(error.message);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { port, build } = readArguments();
  if (build) {
    ensurePackages();
    if (!run(process.execPath, [join(root, 'build.mjs')])) giveUp('the build failed; see above');
  }
  const { origin } = await servePlayground(port).catch((error) => giveUp(error.message));
  console.log(`the playground is at ${origin}/ (Ctrl+C ends)`);
}
