/** `npm run soak`: the soak test of batches with 2,000 pictures instead of 60, or as many as the argument says. */
import { ensureTestTools, run } from './install.mjs';

ensureTestTools();
const env = { ...process.env, DIPTYCH_SOAK: process.argv[2] ?? '2000' };
const jest = ['node_modules/jest/bin/jest.js', '--runInBand', 'test/batch/soak.test.ts'];
process.exitCode = run(process.execPath, jest, { env }) ? 0 : 1;
