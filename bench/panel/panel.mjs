/**
 * Times the built plugin in the replica of Figma's frames: from starting it to a panel that can be used, and to a model
 * that is open; and how much memory that takes.
 *
 *   node bench/panel/panel.mjs [--rounds 3] [--warm 3] [--steps 20]
 *
 * A round is a browser of its own, in which the plugin is started once (cold) and then --warm times again. Memory is what
 * the page's processes hold (PSS) beyond what they held before the plugin was started: Linux only.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { serveHosted } from '../../scripts/serve.mjs';
import { loadBundled } from '../node-bundle.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    warm: { type: 'string', default: '3' },
    steps: { type: 'string', default: '20' },
  },
});
const [rounds, warm, steps] = ['rounds', 'warm', 'steps'].map((name) => Number(values[name]));

execFileSync(process.execPath, [join(root, 'build.mjs')], { stdio: 'inherit' });
const { openReplica, readBase64, learnStyle } = await loadBundled('bench-panel', [
  'test/browser/in-replica.ts',
  'test/browser/panel-user.ts',
]);

const pictures = {
  'bell before': readBase64('test/fixtures/pairs/bell-flat.png'),
  'bell after': readBase64('test/fixtures/pairs/bell-line.png'),
};

/** MB that Chromium's renderers hold, memory they share counted in parts. */
function rendererMemory() {
  const sizes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        if (!command.includes('--type=renderer') || !isOurs(pid)) return 0;
        return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024;
      } catch {
        // It ended meanwhile.
        return 0;
      }
    });
  return sizes.reduce((sum, size) => sum + size, 0) / 1e6;
}

/** Whether a process descends from this one. */
function isOurs(pid) {
  for (let id = Number(pid); id > 1;) {
    if (id === process.pid) return true;
    id = Number(
      readFileSync(`/proc/${id}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ')[1],
    );
  }
  return false;
}

/** Starts the plugin and returns the panel's frame, with the ms until it could be used and until the model was open. */
async function start(replica, documentMark) {
  const { page } = replica;
  const before = performance.now();
  await page.evaluate(() => diptychReplica.current.start('open'));
  const panel = await appears(page, documentMark, '[role=tab]');
  const usable = performance.now() - before;
  await panel.getByRole('tab', { name: 'Model' }).click();
  await panel.getByLabel('In use').waitFor({ timeout: 120_000 });
  return { panel, usable, open: performance.now() - before };
}

/** The frame that has both elements, looked for often. */
async function appears(page, documentMark, selector) {
  for (const end = performance.now() + 120_000; performance.now() < end;) {
    for (const frame of page.frames()) {
      const found = await frame
        .evaluate(([a, b]) => !!document.querySelector(a) && !!document.querySelector(b), [documentMark, selector])
        .catch(() => false);
      if (found) return frame;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`no panel appeared with ${documentMark} and ${selector}`);
}

async function measure(name, documentMark, stored) {
  const cold = [];
  const again = [];
  const memory = [];
  for (let round = 0; round < rounds; round++) {
    const host = await serveHosted(0);
    const replica = await openReplica({ host: host.origin, pictures, stored });
    const empty = rendererMemory();
    let opened = await start(replica, documentMark);
    cold.push(opened);
    for (let i = 0; i < warm; i++) {
      opened = await start(replica, documentMark);
      again.push(opened);
    }
    // What the panels before left behind is not this one's.
    await replica.page.requestGC();
    const atRest = rendererMemory() - empty;
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, rendererMemory() - empty)), 250);
    await learnStyle(replica, opened.panel, { before: 'bell before', after: 'bell after', style: 'Line', steps });
    clearInterval(watch);
    memory.push({ atRest, most });
    await replica.close();
    await host.close();
  }
  console.log(`${name}
  cold: usable ${spread(cold, 'usable', 's')}, model open ${spread(cold, 'open', 's')}
  warm: usable ${spread(again, 'usable', 's')}, model open ${spread(again, 'open', 's')}
  memory: at rest ${spread(memory, 'atRest', 'MB')}, most while learning ${spread(memory, 'most', 'MB')}`);
}

/** Median, least and most of one number of each. */
function spread(measured, key, unit) {
  const numbers = measured.map((one) => one[key] / (unit === 's' ? 1000 : 1)).sort((a, b) => a - b);
  const show = (x) => x.toFixed(unit === 's' ? 2 : 0);
  return `${show(numbers[numbers.length >> 1])} ${unit} (${show(numbers[0])} to ${show(numbers.at(-1))})`;
}

console.log(`load before: ${loadavg()[0].toFixed(1)}`);
await measure('embedded', 'script[data-file]', {});
await measure('hosted', '#files', { settings: { panel: 'hosted', model: 'embedded' } });
console.log(`load after: ${loadavg()[0].toFixed(1)}`);
