/** `npm run serve`: builds, and serves the hosted panel on this machine. --port N, --no-build. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cacheControl, HEADERS } from './build/site-headers.mjs';
import { ensurePackages, giveUp, root, run } from './install.mjs';
import { startServer } from './static-server.mjs';

/** The port that a build without DIPTYCH_HOST expects the hosted panel at. */
export const HOSTED_PORT = 8137;

/** Serves dist/hosted as any host should (docs/hosting.md). Throws an Error when the port is taken. */
export function serveHosted(port = HOSTED_PORT) {
  return startServer({ mounts: { '/': join(root, 'dist/hosted') }, port, headers: HEADERS, cacheControl });
}

function readArguments() {
  const options = { port: { type: 'string', default: String(HOSTED_PORT) }, 'no-build': { type: 'boolean' } };
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
  const { origin } = await serveHosted(port).catch((error) => giveUp(error.message));
  console.log(`the hosted panel is at ${origin}/ (Ctrl+C ends)`);
}
