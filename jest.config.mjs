/** Unit and Node tests. The browser tests in test/browser run in the same command and drive Chromium. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } },
    ],
  },
  // Tests of the command line and of the browser run what is in dist/.
  globalSetup: '<rootDir>/build.mjs',
  maxWorkers: 2,
  testTimeout: 120_000,
};
