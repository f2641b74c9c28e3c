/**
 * `npm test`: build, types, lint, format, and every test. Installs what it lacks, and says so before; --no-install
 * forbids it. The last line counts what passed and failed, each check and each test as one. Other arguments go to jest,
 * which then runs alone: `npm test -- test/graph`.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureTestTools, root, run } from './install.mjs';

const NO_INSTALL = '--no-install';
const args = process.argv.slice(2).filter((argument) => argument !== NO_INSTALL);
ensureTestTools({ install: !process.argv.includes(NO_INSTALL) });

const tool = (path, ...options) => [join(root, 'node_modules', path), ...options];
/** Those whose imports are checked; `npm run imports` has the same. */
const CHECKED_FOLDERS = ['engine', 'common', 'plugin', 'ui', 'cli', 'batch', 'playground', 'bench', 'scripts', 'test'];
const CHECKS = {
  types: tool('typescript/bin/tsc', '--noEmit', '-p', '.'),
  // Figma's sandbox has other globals than pages and Node.
  'types of the sandbox': tool('typescript/bin/tsc', '--noEmit', '-p', 'plugin'),
  lint: tool('eslint/bin/eslint.js', '.'),
  imports: tool('dependency-cruiser/bin/dependency-cruise.mjs', '--output-type', 'err-long', ...CHECKED_FOLDERS),
  format: tool('prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'),
};

let passed = 0;
let failed = 0;

function count(name, succeeded, output = '') {
  console.log(`== ${name}: ${succeeded ? 'passed' : 'FAILED'}`);
  if (output) process.stdout.write(output);
  if (succeeded) passed++;
  else failed++;
}

/** Runs a check with its output kept. */
function check(name, command) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    child.on('close', (status) => resolve(count(name, status === 0, Buffer.concat(chunks).toString())));
  });
}

/** The checks one after the other: they leave a core to the tests, which run meanwhile. */
async function allChecks() {
  for (const [name, command] of Object.entries(CHECKS)) await check(name, command);
}

async function jest(options) {
  console.log('== tests');
  const folder = mkdtempSync(join(tmpdir(), 'diptych-test-'));
  const outputFile = join(folder, 'results.json');
  const command = tool('jest/bin/jest.js', '--json', `--outputFile=${outputFile}`, ...options);
  // --json prints the results as well.
  const child = spawn(process.execPath, command, { cwd: root, stdio: ['inherit', 'ignore', 'inherit'] });
  await new Promise((resolve) => child.on('close', resolve));
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

if (args.length === 0) {
  count('build', run(process.execPath, [join(root, 'build.mjs')]));
  await Promise.all([jest([]), allChecks()]);
} else {
  await jest(args);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
