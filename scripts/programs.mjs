/** Programs beside npm's packages that tests run: where they are, and what installs them. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** One line for each. `env` names another one than that found; `paths` are tried in order after PATH is. */
export const PROGRAMS = [
  {
    ...{ name: 'Chromium', purpose: 'browser tests', env: 'DIPTYCH_CHROMIUM', commands: ['chromium', 'google-chrome'] },
    ...{ debian: 'chromium', brew: '--cask google-chrome', site: 'https://www.google.com/chrome' },
    paths: [
      '/usr/bin/chromium-browser',
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
      'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
    ],
  },
  {
    ...{ name: 'Redis', purpose: 'tests of batches', env: 'DIPTYCH_REDIS', commands: ['redis-server'], paths: [] },
    ...{ debian: 'redis-server', brew: 'redis', site: 'https://redis.io/download' },
  },
  {
    ...{ name: 'PostgreSQL', purpose: 'tests of batches', env: 'DIPTYCH_POSTGRES', commands: ['postgres'] },
    ...{ debian: 'postgresql', brew: 'postgresql', site: 'https://www.postgresql.org/download' },
    // Debian keeps each version apart, and off PATH.
    get paths() {
      return versionsIn('/usr/lib/postgresql').map((version) => `/usr/lib/postgresql/${version}/bin/postgres`);
    },
  },
];

/** Names in a folder, the highest number first. */
function versionsIn(folder) {
  return existsSync(folder) ? readdirSync(folder).sort((a, b) => Number(b) - Number(a)) : [];
}

/** Path of a program of PROGRAMS, or undefined. */
export function findProgram({ env, commands, paths }) {
  if (process.env[env]) return process.env[env];
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const onPath = commands.flatMap((command) => folders.map((folder) => join(folder, command)));
  return [...onPath, ...paths].find((path) => existsSync(path));
}

/** Decides which services may be started while packages are installed; 101 is "none". */
const POLICY = '/usr/sbin/policy-rc.d';

/** Installs Debian packages, as root, without starting the services that come with them. */
export function installDebian(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args) => spawnSync('apt-get', args, { env, stdio: 'inherit' });
  const ours = !existsSync(POLICY);
  if (ours) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    apt('update', '-qq');
    apt('install', '-y', '-qq', '--no-install-recommends', ...packages);
  } finally {
    if (ours) rmSync(POLICY);
  }
}
