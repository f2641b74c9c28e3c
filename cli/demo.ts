/** Entry of `npm run demo`. */
import { fileURLToPath } from 'node:url';
import { runDemo } from './demo/demo';
import { runHere } from './host';
import { superviseEntry } from './supervising/supervise';
import { isSupervised } from './supervising/supervised';

if (!isSupervised()) await superviseEntry(fileURLToPath(import.meta.url), process.argv.slice(2));
else {
  await runHere(import.meta.url, (io) => {
    process.chdir(io.root);
    return runDemo(io);
  });
}
