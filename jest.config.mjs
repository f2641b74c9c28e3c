/**
 * Every test, in three projects that jest runs in one go: those that run the sources, those that run what is in dist/
 * (built first where it is stale), and those that drive Chromium. Jest sets a project up only when it runs one of its
 * tests, so that `npx jest test/graph` builds nothing.
 */

/** Tests that run what is in dist/; pictures too are decoded by a program there. test/support/built.ts fails in others. */
const BUILT = ['test/plugin/', 'test/cli/', 'test/pairbench/', 'test/batch/'];
const BROWSER = ['test/browser/'];

const shared = {
  roots: ['<rootDir>/test'],
  transform: {
    '^.+\\.(tsx?|js)$|/node_modules/(d3-[a-z-]+|internmap)/.+\\.mjs$': [
      '<rootDir>/test/support/jest/transform.mjs',
      {
        jsc: {
          parser: { syntax: 'typescript', tsx: true },
          transform: { react: { runtime: 'automatic', importSource: 'preact' } },
          target: 'es2022',
        },
        module: { type: 'commonjs' },
      },
    ],
  },
  // These packages come as ES modules only, which jest does not load.
  transformIgnorePatterns: ['/node_modules/(?!(fast-png|iobuffer|@noble/hashes|d3-[a-z-]+|internmap)/)'],
  testEnvironment: '<rootDir>/test/support/jest/environment.mjs',
  runner: '<rootDir>/test/support/jest/runner.mjs',
  setupFilesAfterEnv: ['<rootDir>/test/support/jest/equality.ts'],
  // Handed to each module as parameters. A module looks other globals up in the test's context, which takes 200 ns each
  // time: loops over pixels ran up to 80 times slower (docs/performance.md). Not Buffer: packages declare one themselves.
  sandboxInjectedGlobals: [
    ...['Math', 'Number', 'Infinity', 'BigInt', 'String', 'Symbol', 'Object', 'Array', 'Map', 'Set', 'WeakMap'],
    ...['Error', 'Promise', 'JSON', 'ArrayBuffer', 'DataView', 'Uint8Array', 'Int8Array'],
    ...['Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array', 'Float32Array'],
    ...['Float64Array', 'BigInt64Array', 'BigUint64Array'],
  ],
};
const under = (folders) => folders.map((folder) => `<rootDir>/${folder}`);

export default {
  projects: [
    {
      ...shared,
      displayName: 'sources',
      testRegex: ['\\.test\\.ts$'],
      testPathIgnorePatterns: under([...BUILT, ...BROWSER]),
    },
    {
      ...shared,
      displayName: 'built',
      testRegex: BUILT.map((pattern) => (pattern.endsWith('/') ? `${pattern}.*\\.test\\.ts$` : pattern)),
      globalSetup: '<rootDir>/test/support/jest/built.mjs',
    },
    {
      ...shared,
      displayName: 'browser',
      testRegex: BROWSER.map((folder) => `${folder}.*\\.test\\.ts$`),
      globalSetup: '<rootDir>/test/support/jest/built.mjs',
      testEnvironment: '<rootDir>/test/support/jest/browser-environment.mjs',
      globalTeardown: '<rootDir>/test/support/jest/close-browser.mjs',
    },
  ],
  maxWorkers: 2,
  testTimeout: 120_000,
};
