/** `npm run demo`: installs what it lacks, builds, and runs the demo (cli/demo.ts). */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensurePackages, giveUp, root, run } from './install.mjs';

ensurePackages();
if (!run(process.execPath, [join(root, 'build.mjs')])) giveUp('the build failed; see above');
// Ctrl-C reaches the demo too, which saves its work and exits with 130: wait for that, and pass it on.
process.on('SIGINT', () => undefined);
const { status } = spawnSync(process.execPath, [join(root, 'dist/demo.mjs'), ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
