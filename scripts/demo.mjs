/** `npm run demo`: installs what it lacks, builds, and runs the demo (cli/demo.ts). */
import { join } from 'node:path';
import { ensurePackages, giveUp, root, run } from './install.mjs';

ensurePackages();
if (!run(process.execPath, [join(root, 'build.mjs')])) giveUp('the build failed; see above');
if (!run(process.execPath, [join(root, 'dist/demo.mjs'), ...process.argv.slice(2)])) process.exitCode = 1;
