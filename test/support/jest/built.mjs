/** Before tests that run what is in dist/: builds it where a source has changed since. */
import { buildIfStale } from '../../../build.mjs';

export default async function setUp() {
  await buildIfStale();
  process.env.DIPTYCH_TEST_DIST = '1';
}
