/** Slots whose processes hang or end, as real ones: an order never stays without an answer. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PoolClosedError, SlotPool } from '../../batch/slot/pool';
import { Slot, SlotDiedError } from '../../batch/slot/slot';
import type { JobOrder } from '../../batch/run-job';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'diptych-slot-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ORDER = { styles: [] } as unknown as JobOrder;

/** A slot whose process does `order` with the number of the order, from 1, of all its processes. */
function slotThat(order: string, silenceMs: number): Slot {
  return new Slot({ program: programThat(order), engine: {}, silenceMs });
}

function programThat(order: string): string {
  const program = join(folder, 'slot.cjs');
  writeFileSync(
    program,
    `const fs = require('node:fs');
    const log = ${JSON.stringify(join(folder, 'log'))};
    const send = (message) => process.send(message);
    const hang = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    process.on('message', async ({ kind }) => {
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

test('a process that hangs in an order is ended in time, and the next order gets a new one', async () => {
  const slot = slotThat('if (nth === 1) hang();', 1500);
  const error = await slot.run(ORDER, new Map()).catch((error: unknown) => error as Error);
  expect(error).toBeInstanceOf(SlotDiedError);
  expect((error as Error).message).toMatch(
    /^the process that worked on it did not answer for \d+ seconds and was ended$/,
  );
  expect(await slot.run(ORDER, new Map())).toEqual({ result: { nth: 2 } });
  await slot.kill();
});

test('one that comes on is left alone, however long it takes', async () => {
  const slot = slotThat(
    `for (let i = 0; i < 8; i++) {
      await new Promise((wake) => setTimeout(wake, 300));
      send({ kind: 'progress' });
    }`,
    1500,
  );
  expect(await slot.run(ORDER, new Map())).toEqual({ result: { nth: 1 } });
  await slot.kill();
});

test('one that ends without a word fails its order', async () => {
  const slot = slotThat('if (nth === 1) process.exit(0);', 60_000);
  const error = await slot.run(ORDER, new Map()).catch((error: unknown) => error as Error);
  expect((error as Error).message).toBe('the process that worked on it ended with code 0');
  expect(await slot.run(ORDER, new Map())).toEqual({ result: { nth: 2 } });
  await slot.kill();
});

test('a pool that is closed lets orders end for a short time, ends the others, and takes no more', async () => {
  const program = programThat('if (nth === 1) hang(); await new Promise((wake) => setTimeout(wake, 200));');
  const pool = new SlotPool(2, { program, engine: {} }, 1000);
  const answer = (): Promise<unknown> => pool.run(ORDER, new Map()).catch((error: unknown) => error);
  const first = answer();
  while (!existsSync(join(folder, 'log'))) await new Promise((wake) => setTimeout(wake, 10));
  const second = answer();
  const waiting = answer();
  while (readFileSync(join(folder, 'log')).length < 2) await new Promise((wake) => setTimeout(wake, 10));
  await pool.close();
  expect(await second).toEqual({ result: { nth: 2 } });
  for (const order of [first, waiting, answer()]) expect(await order).toBeInstanceOf(PoolClosedError);
  expect(pool.pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
});
