/**
 * `npm test`: types, lint, format, build, and every test. Installs what it lacks. The last line counts what passed and
 * failed, each check and each test as one. Arguments go to jest, which then runs alone: `npm test -- test/graph`.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureChromium, ensurePackages, root, run } from './install.mjs';

ensurePackages();
process.env.DIPTYCH_CHROMIUM = ensureChromium();

const tool = (path, ...args) => [process.execPath, [join(root, 'node_modules', path), ...args]];
const CHECKS = {
  types: tool('typescript/bin/tsc', '--noEmit', '-p', '.'),
  // Figma's sandbox has other globals than pages and Node.
  'types of the sandbox': tool('typescript/bin/tsc', '--noEmit', '-p', 'plugin'),
  lint: tool('eslint/bin/eslint.js', '.'),
  format: tool('prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'),
  build: [process.execPath, [join(root, 'build.mjs')]],
};

let passed = 0;
let failed = 0;

function check(name, [command, args]) {
  console.log(`== ${name}`);
  if (run(command, args)) passed++;
  else failed++;
}

function jest(args) {
  console.log('== tests');
  const folder = mkdtempSync(join(tmpdir(), 'diptych-test-'));
  const outputFile = join(folder, 'results.json');
  run(...tool('jest/bin/jest.js', '--json', `--outputFile=${outputFile}`, ...args), {
    // --json prints the results as well.
    stdio: ['inherit', 'ignore', 'inherit'],
  });
  try {
    const results = JSON.parse(readFileSync(outputFile, 'utf8'));
    passed += results.numPassedTests;
    // A file that could not be run has no tests to count.
    failed += results.numFailedTests + results.numRuntimeErrorTestSuites;
  } catch (error) {
    console.error(`jest left no results: ${error.message}`);
    failed++;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const args = process.argv.slice(2);
if (args.length === 0) {
  for (const [name, command] of Object.entries(CHECKS)) check(name, command);
  jest(['--testPathIgnorePatterns', 'test/browser']);
  // One browser at a time: two on few cores starve each other, and WebAssembly's threads then may not wake up.
  jest(['--runInBand', 'test/browser']);
} else {
  jest(args);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
