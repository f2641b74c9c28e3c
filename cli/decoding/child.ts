/**
 * The decoding process: takes files and gives pixels, one at a time. A picture can be made to cost any amount of time or
 * memory, and no thread of libvips can be stopped; a process can. It watches itself, as the event loop stays free while
 * libvips works, and the parent watches it, too (decoder.ts).
 */
import sharp from 'sharp';
import { InputError } from '../../engine/errors';
import { decodePicture } from './decode';
import type { Answer, Request } from './protocol';

/** How often time and memory are looked at, ms. */
const WATCH_MS = 25;

// Every picture is decoded once.
sharp.cache(false);

function send(answer: Answer): void {
  process.send!(answer);
}

process.on('message', ({ id, file, name, keepPixels, limits }: Request) => {
  let time = limits.time;
  const started = performance.now();
  const cpu = process.cpuUsage();
  const watch = setInterval(() => {
    const { user, system } = process.cpuUsage(cpu);
    const wall = performance.now() - started;
    // A picture is not to blame for the time that other programs take (up to half), nor for its threads on many cores.
    const spent = Math.min(wall, Math.max((user + system) / 1000, wall / 2));
    const over = process.memoryUsage.rss() > limits.memory ? 'memory' : spent > time ? 'time' : '';
    if (over === '') return;
    clearInterval(watch);
    process.send!({ id, over } satisfies Answer, () => process.kill(process.pid, 'SIGKILL'));
  }, WATCH_MS);
  decodePicture(file, name, (pixels) => (time += (limits.timePerMegapixel * pixels) / 1e6))
    .then(({ width, height, data }) => send({ id, picture: { width, height, ...(keepPixels && { data }) } }))
    .catch((error: unknown) => {
      if (error instanceof InputError) send({ id, refused: error.message });
      else send({ id, defect: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    })
    .finally(() => clearInterval(watch));
});

// The parent obeys these signals, and a terminal sends them to both; without the parent there is nothing to do.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
