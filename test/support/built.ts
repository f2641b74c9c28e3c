/** Files of dist/, for tests that run what was built. */
import { join } from 'node:path';

const DIST = join(__dirname, '../../dist');

/** Path of a file in dist/. Throws an Error in a test before which nothing is built. */
export function built(path: string): string {
  // Set by jest/built.mjs, which jest runs before the projects that need it.
  if (!process.env['DIPTYCH_TEST_DIST']) throw new Error('this test runs dist/: name it in BUILT in jest.config.mjs');
  return join(DIST, path);
}
