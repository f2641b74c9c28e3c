/** Slots whose processes hang or end, as real ones: an order never stays without an answer. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SlotError } from '../../batch/errors';
import { DeviceError, InputError } from '../../engine/errors';
import { PoolClosedError, SlotPool } from '../../batch/slot/pool';
import { Slot, SlotDiedError } from '../../batch/slot/slot';
import type { JobOrder } from '../../batch/job';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'diptych-slot-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const orderOf = (key: string): JobOrder => ({ styles: [], job: { key } }) as unknown as JobOrder;
const ORDER = orderOf('k');

/** A slot whose process does `order` with the number of the order, from 1, of all its processes. */
function slotThat(order: string, silenceMs: number): Slot {
  return new Slot({ program: programThat(order), engine: {}, silenceMs });
}

const pause = (ms: number): Promise<void> => new Promise((wake) => setTimeout(wake, ms));

/** Waits until this many orders have begun. */
async function orders(count: number): Promise<void> {
  const log = join(folder, 'log');
  while (!existsSync(log) || readFileSync(log).length < count) await pause(10);
}

function programThat(order: string): string {
  const program = join(folder, 'slot.cjs');
  writeFileSync(
    program,
    `const fs = require('node:fs');
    const log = ${JSON.stringify(join(folder, 'log'))};
    const hang = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    process.on('message', async ({ kind, id, order, sha = 'forget' }) => {
      const send = (message) => process.send({ id, ...message });
      if (kind === 'expect') return fs.appendFileSync(log + '.expected', order.job.key + ' ');
      if (kind === 'style' || kind === 'forget styles') return fs.appendFileSync(log + '.styles', sha + ' ');
      if (kind === 'open') return send({ kind: 'ready', description: {} });
      fs.appendFileSync(log, '.');
      const nth = fs.readFileSync(log).length;
      ${order}
      send({ kind: 'done', reply: { result: { nth } } });
    });
    process.on('disconnect', () => process.exit());`,
  );
  return program;
}

describe('silence, by a clock of the test: an hour of it would otherwise be over before a busy machine starts a process', () => {
  const SILENCE_MS = 3_600_000;
  beforeEach(() => {
    // Processes and their messages go on in real time.
    const real = ['Date', 'hrtime', 'nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'] as const;
    jest.useFakeTimers({ doNotFake: [...real, 'setTimeout', 'clearTimeout'] });
  });
  afterEach(() => jest.useRealTimers());

  test('a process that hangs in an order is ended in time, and the next order gets a new one', async () => {
    const slot = slotThat('if (nth === 1) hang();', SILENCE_MS);
    const answer = slot.run(ORDER, new Map()).catch((error: unknown) => error as Error);
    await orders(1);
    jest.advanceTimersByTime(SILENCE_MS - 10_000);
    const { pid } = slot;
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    jest.advanceTimersByTime(20_000);
    const error = await answer;
    expect(error).toBeInstanceOf(SlotDiedError);
    expect((error as Error).message).toMatch(
      /^the process that worked on it did not answer for 36\d\d seconds and was ended$/,
    );
    expect(await slot.run(ORDER, new Map())).toEqual({ result: { nth: 2 } });
    await slot.kill();
  });

  test('one that comes on is left alone, however long it takes', async () => {
    const slot = slotThat(
      `for (let i = 0; i < 4; i++) {
        while (!fs.existsSync(log + '.go' + i)) await new Promise((wake) => setTimeout(wake, 5));
        send({ kind: 'computed' });
      }`,
      SILENCE_MS,
    );
    let heard = 0;
    const answer = slot.run(ORDER, new Map(), { onComputed: () => heard++ });
    await orders(1);
    for (let i = 0; i < 4; i++) {
      jest.advanceTimersByTime(0.8 * SILENCE_MS);
      writeFileSync(join(folder, `log.go${i}`), '');
      while (heard === i) await pause(5);
    }
    expect(await answer).toEqual({ result: { nth: 1 } });
    await slot.kill();
  });
});

test('one that ends without a word fails its order', async () => {
  const slot = slotThat('if (nth === 1) process.exit(0);', 60_000);
  const error = await slot.run(ORDER, new Map()).catch((error: unknown) => error as Error);
  expect((error as Error).message).toBe('the process that worked on it ended with code 0');
  expect(await slot.run(ORDER, new Map())).toEqual({ result: { nth: 2 } });
  await slot.kill();
});

test.each([
  ['process.stderr.write("first\\nout of luck\\n", () => process.exit(3));', 'ended with code 3: out of luck'],
  ['process.kill(process.pid, "SIGKILL");', 'was killed \\(SIGKILL; by the system when memory is short\\)'],
  ['process.kill(process.pid, "SIGSEGV");', 'was ended by SIGSEGV'],
])('why a process ended is said: %s', async (order, why) => {
  const slot = slotThat(`${order} return;`, 60_000);
  await expect(slot.run(ORDER, new Map())).rejects.toThrow(new RegExp(`^the process that worked on it ${why}$`));
  await slot.kill();
  // None is started after the end.
  await expect(slot.run(ORDER, new Map())).rejects.toThrow(/^the model cannot be opened on this machine: /);
  expect(slot.pid).toBeUndefined();
});

test('a style is sent to a process once; past eight all are forgotten', async () => {
  const slot = slotThat('', 60_000);
  const files = new Map(Array.from({ length: 10 }, (_, i) => [`s${i}`, Uint8Array.of(i)] as const));
  const run = (...styles: string[]): Promise<unknown> => slot.run({ ...ORDER, styles }, files);
  const names = [...files.keys()];
  await run('s0', 's1');
  await run(...names.slice(0, 9));
  await run('s9', 's0');
  await run('s9');
  expect(readFileSync(join(folder, 'log.styles'), 'utf8')).toBe(`${names.slice(0, 9).join(' ')} forget s9 s0 `);
  // A new process has none.
  slot.killNow();
  while (slot.pid !== undefined) await pause(10);
  await run('s9');
  expect(readFileSync(join(folder, 'log.styles'), 'utf8')).toMatch(/ forget s9 s0 s9 $/);
  await slot.kill();
});

test('a pool that is closed lets orders end for a short time, ends the others, and takes no more', async () => {
  const program = programThat(`if (order.job.key === 'hangs') hang();
    await new Promise((wake) => setTimeout(wake, 200));
    if (order.job.key === 'fails') return send({ kind: 'failed', error: { kind: 'input', message: 'no picture' } });`);
  const pool = new SlotPool(3, { program, engine: {} }, 1000);
  const answer = (key = 'k'): Promise<unknown> => pool.run(orderOf(key), new Map()).catch((error: unknown) => error);
  expect([pool.size, pool.idle]).toEqual([3, 3]);
  const first = answer('hangs');
  await orders(1);
  const second = answer();
  const third = answer('fails');
  const waiting = answer();
  await orders(3);
  const pids = [...pool.pids];
  expect([pool.idle, pids.filter((pid) => existsSync(`/proc/${pid}`)).length]).toEqual([0, 3]);
  await pool.close();
  expect(await second).toMatchObject({ result: { nth: expect.any(Number) } });
  // What a picture itself is at fault for is said all the same.
  expect(await third).toEqual(new InputError('no picture'));
  for (const order of [first, waiting, answer()]) expect(await order).toBeInstanceOf(PoolClosedError);
  expect([pool.idle, pool.pids, pids.filter((pid) => existsSync(`/proc/${pid}`))]).toEqual([3, [], []]);
});

test('an order that one slot has read ahead is done by another that is free before', async () => {
  const program = programThat(`fs.appendFileSync(log + '.keys', order.job.key);
    while (order.job.key === 'b' && !fs.readFileSync(log + '.keys', 'utf8').includes('c'))
      await new Promise((wake) => setTimeout(wake, 5));`);
  const pool = new SlotPool(2, { program, engine: {} }, 1000);
  // The second one ends only once the third is begun.
  await Promise.all(['a', 'b', 'c'].map((key) => pool.run(orderOf(key), new Map())));
  expect(readFileSync(join(folder, 'log.expected'), 'utf8')).toBe('c ');
  await pool.kill();
});

test('the next order begins once the one before is computed, its files written or not; its input was read ahead', async () => {
  // The first one ends only after the second one began, which it would never do otherwise.
  const program = programThat(`send({ kind: 'computed' });
    while (nth === 1 && fs.readFileSync(log).length < 2) await new Promise((wake) => setTimeout(wake, 5));`);
  const pool = new SlotPool(1, { program, engine: {} }, 1000);
  expect(await pool.describe()).toEqual({});
  const begun: string[] = [];
  const answers = ['a', 'b', 'c'].map((key) =>
    pool.run(orderOf(key), new Map(), { onBegun: () => void begun.push(key) }),
  );
  expect(begun).toEqual(['a']);
  expect(await Promise.all(answers)).toEqual([1, 2, 3].map((nth) => ({ result: { nth } })));
  expect([begun, readFileSync(join(folder, 'log.expected'), 'utf8')]).toEqual([['a', 'b', 'c'], 'b c ']);
  await pool.kill();
});

test('a device that is lost in an order takes nothing from the one before, whose files are still written', async () => {
  const program =
    programThat(`if (nth === 2) return send({ kind: 'failed', error: { kind: 'device', message: 'lost' } });
    send({ kind: 'computed' });
    if (nth === 1) await new Promise((wake) => setTimeout(wake, 300));`);
  const pool = new SlotPool(1, { program, engine: {} }, 1000);
  const answers = [pool.run(ORDER, new Map()), pool.run(ORDER, new Map())];
  expect(await Promise.all(answers)).toEqual([{ result: { nth: 1 } }, { result: { nth: 3 } }]);
  await pool.kill();
});

test('a process that lost its device is ended, and the order is done in a new one unless it was its first', async () => {
  const lost = `if (fs.existsSync(${JSON.stringify(join(folder, 'lost'))}) || nth === 2)
    return send({ kind: 'failed', error: { kind: 'device', message: 'the device was lost' } });`;
  const slot = slotThat(lost, 60_000);
  expect(await slot.run(ORDER, new Map())).toEqual({ result: { nth: 1 } });
  const first = slot.pid;
  expect(await slot.run(ORDER, new Map())).toEqual({ result: { nth: 3 } });
  expect(slot.pid).not.toBe(first);
  // A device that is lost in a new process too may be so because of the picture: that is said once, after one more try.
  writeFileSync(join(folder, 'lost'), '');
  await expect(slot.run(ORDER, new Map())).rejects.toThrow(new DeviceError('the device was lost'));
  expect([slot.pid, readFileSync(join(folder, 'log')).length]).toEqual([undefined, 5]);
  await slot.kill();
});

test('a model that is gone when a process is started again is no fault of the picture', async () => {
  const program = programThat('process.exit(1);');
  const refusing = readFileSync(program, 'utf8').replace(
    "if (kind === 'open')",
    `if (kind === 'open' && fs.existsSync(log))
      return process.send({ id, kind: 'refused', error: { kind: 'input', message: 'm: is gone' } }, () => process.exit(1));
    if (kind === 'open')`,
  );
  writeFileSync(program, refusing);
  const slot = new Slot({ program, engine: {} });
  await expect(slot.run(ORDER, new Map())).rejects.toThrow(SlotDiedError);
  for (let i = 0; i < 2; i++) {
    await expect(slot.run(ORDER, new Map())).rejects.toThrow(
      new SlotError('the model cannot be opened on this machine: m: is gone'),
    );
  }
  await slot.kill();
});
