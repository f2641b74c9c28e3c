/** What `npm run serve` and `npm start` have in common: they install what is lacking, build, serve, and say where. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensurePackages, giveUp, root, run } from './install.mjs';

/**
 * Carries out the command with its arguments, --port N and --no-build; it goes on until it is interrupted.
 *
 * @param options.what is served, as the line that says where calls it.
 * @param options.port the one without --port.
 * @param options.serve starts the server at a port.
 */
export async function serveCommand({ what, port, serve }) {
  const asked = readArguments(port);
  if (asked.build) {
    ensurePackages();
    if (!run(process.execPath, [join(root, 'build.mjs')])) giveUp('the build failed; see above');
  }
  const { origin } = await serve(asked.port).catch((error) => giveUp(error.message));
  console.log(`${what} is at ${origin}/ (Ctrl+C ends)`);
}

function readArguments(port) {
  const options = { port: { type: 'string', default: String(port) }, 'no-build': { type: 'boolean' } };
  try {
    const { values } = parseArgs({ options });
    if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65535) {
      throw new Error(`--port is "${values.port}"; give a number up to 65535`);
    }
    return { port: Number(values.port), build: !values['no-build'] };
  } catch (error) {
    return giveUp(error.message);
  }
}
