/** Unit and Node tests. The browser tests in test/browser run in the same command and drive Chromium. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.(tsx?|js)$': [
      '@swc/jest',
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
  transformIgnorePatterns: ['/node_modules/(?!(fast-png|iobuffer|@noble/hashes)/)'],
  // Tests of the command line and of the browser run what is in dist/.
  globalSetup: '<rootDir>/build.mjs',
  maxWorkers: 2,
  testTimeout: 120_000,
};
