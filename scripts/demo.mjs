/** `npm run demo`: installs what it lacks, builds, and runs the demo (cli/demo.ts). */
import { join } from 'node:path';
import { ensurePackages, giveUp, root, run, runToEnd } from './install.mjs';

ensurePackages();
if (!run(process.execPath, [join(root, 'build.mjs')])) giveUp('the build failed; see above');
process.exitCode = await runToEnd(process.execPath, [join(root, 'dist/demo.mjs'), ...process.argv.slice(2)]);
