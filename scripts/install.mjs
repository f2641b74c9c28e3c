/** What must be there before anything else runs, on a fresh clone too: uses Node's own modules only. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram, installDebian, PROGRAMS } from './programs.mjs';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Ends the program with one line that says what is wrong and how to fix it. */
export function giveUp(message) {
  console.error(message);
  process.exit(1);
}

/** Runs a program with its output shown. Returns whether it succeeded. */
export function run(command, args, options = {}) {
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options }).status === 0;
}

/**
 * Runs a program that saves its work when it is asked to end: signals are passed on to it and it is waited for.
 * @returns its exit status; that of a shell where a signal ended it.
 */
export function runToEnd(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A terminal's Ctrl-C reaches the program as well; it takes two at once for one. On Windows kill would end it.
    process.on(signal, () => process.platform !== 'win32' && child.kill(signal));
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}

/** Whether a package that package.json names is missing. */
function lacksPackages() {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const names = Object.keys({ ...dependencies, ...devDependencies });
  return names.some((name) => !existsSync(join(root, 'node_modules', name, 'package.json')));
}

function installPackages() {
  // On Windows npm is a script, which only a shell runs.
  if (!run('npm', ['ci'], { shell: process.platform === 'win32' })) giveUp('npm ci failed; see above');
}

/** Installs the packages if one that package.json names is missing. */
export function ensurePackages() {
  if (!lacksPackages()) return;
  console.error('installing packages (npm ci) ...');
  installPackages();
}

/**
 * Installs what the tests need and this machine lacks: the packages, and the programs of PROGRAMS. Says what will be
 * installed before it installs anything. Sets each program's environment variable to its path.
 *
 * @param options.install false: what is missing ends the program with the commands that install it.
 */
export function ensureTestTools({ install = true } = {}) {
  const packages = lacksPackages();
  const wrong = PROGRAMS.find(({ env }) => process.env[env] && !existsSync(process.env[env]));
  if (wrong) giveUp(`${wrong.env} is ${process.env[wrong.env]}, which does not exist`);
  const missing = PROGRAMS.filter((program) => !findProgram(program));
  const asRoot = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
  if ((missing.length > 0 && !asRoot) || (packages && !install) || (missing.length > 0 && !install)) {
    const lines = missing.map(
      ({ name, purpose, env }) => `  ${name}, for ${purpose} (or set ${env} to the path of one)`,
    );
    if (packages) lines.unshift('  the packages: npm ci');
    if (missing.length > 0) lines.push(`to install: ${installCommand(missing)}`);
    giveUp(`npm test needs, and this machine lacks:\n${lines.join('\n')}`);
  }
  if (packages || missing.length > 0) {
    console.error('npm test will install (npm test -- --no-install forbids it):');
    if (packages) console.error('  the packages of package-lock.json, into node_modules (npm ci)');
    for (const { debian, purpose } of missing) console.error(`  ${debian}, for ${purpose} (apt-get install)`);
  }
  if (packages) installPackages();
  if (missing.length > 0) {
    installDebian(missing.map(({ debian }) => debian));
    const still = missing.filter((program) => !findProgram(program));
    if (still.length > 0) giveUp(`${still.map(({ name }) => name).join(', ')} could not be installed; see above`);
  }
  for (const program of PROGRAMS) process.env[program.env] = findProgram(program);
}

function installCommand(programs) {
  if (existsSync('/usr/bin/apt-get')) return `sudo apt-get install ${programs.map(({ debian }) => debian).join(' ')}`;
  if (process.platform === 'darwin') return `brew install ${programs.map(({ brew }) => brew).join(' ')}`;
  return `see ${programs.map(({ site }) => site).join(', ')}`;
}

/** Path of a Chromium or Chrome. Ends the program with how to install one where there is none. */
export function requireChromium() {
  const [chromium] = PROGRAMS;
  return findProgram(chromium) ?? giveUp(`this needs ${chromium.name}: ${installCommand([chromium])}`);
}
