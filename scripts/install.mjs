/** What must be there before anything else runs, on a fresh clone too: uses Node's own modules only. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Ends the program with one line that says what is wrong and what mends it. */
export function giveUp(message) {
  console.error(message);
  process.exit(1);
}

/** Runs a program with its output shown. Returns whether it succeeded. */
export function run(command, args, options = {}) {
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options }).status === 0;
}

/** Installs the packages if one that package.json names is missing. */
export function ensurePackages() {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const names = Object.keys({ ...dependencies, ...devDependencies });
  if (names.every((name) => existsSync(join(root, 'node_modules', name, 'package.json')))) return;
  console.error('installing packages (npm ci) ...');
  // On Windows npm is a script, which only a shell runs.
  if (!run('npm', ['ci'], { shell: process.platform === 'win32' })) giveUp('npm ci failed; see above');
}

const CHROMIUMS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** Path of a Chromium or Chrome; installs Debian's where that is possible. DIPTYCH_CHROMIUM names another one. */
export function ensureChromium() {
  const named = process.env.DIPTYCH_CHROMIUM;
  if (named && !existsSync(named)) giveUp(`DIPTYCH_CHROMIUM is ${named}, which does not exist`);
  const found = named ?? CHROMIUMS.find((path) => existsSync(path));
  if (found) return found;
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    console.error('installing Chromium (apt-get install chromium) ...');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const installed =
      run('apt-get', ['update', '-qq'], { env }) &&
      run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], { env });
    const path = CHROMIUMS.find((candidate) => existsSync(candidate));
    if (installed && path) return path;
  }
  return giveUp(
    'the browser tests need Chromium: run `apt-get install chromium` as root, or set DIPTYCH_CHROMIUM to one',
  );
}
