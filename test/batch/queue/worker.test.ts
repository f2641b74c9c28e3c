/** Workers of a queue on both servers: what they take, try again, give back and refuse. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MachineError, SlotError } from '../../../batch/errors';
import { sha256 } from '../../../batch/job';
import { queueName } from '../../../batch/queue/registry';
import type { WorkerSlots } from '../../../batch/queue/worker';
import { PoolClosedError } from '../../../batch/slot/pool';
import { pause, QueueBench, RESULT, SERVERS, slots } from './queue-bench';

describe.each(SERVERS)('%s', (kind) => {
  const q = QueueBench.forTests(kind);
  const { spec, jobs, submit, statusOf, start, work } = q;

  test('a batch is done once, a picture that fails is tried three times, and --retry-failed tries it again', async () => {
    const batch = spec('main');
    const list = jobs(batch, 30);
    expect(await submit(batch, list, 5)).toBe(30);
    // Twice is as good as once.
    expect(await submit(batch, list, 5)).toBe(0);
    const ran = new Map<string, number>();
    const poison = list[7]!;
    const pool = slots(({ job }) => {
      ran.set(job.key, (ran.get(job.key) ?? 0) + 1);
      if (job.key === poison.key) throw new Error('broken\n  at a line');
      return RESULT;
    });
    await work('main', 'failed', pool);
    expect(list.map(({ key }) => ran.get(key))).toEqual(list.map(({ key }) => (key === poison.key ? 3 : 1)));
    expect(await statusOf('main')).toMatchObject({
      total: 35,
      counts: { done: 34, failed: 1, running: 0, waiting: 0, delayed: 0 },
      failures: [{ key: poison.key, input: poison.input, reason: 'broken at a line', tries: 3 }],
    });
    // Three more tries, all at once or by itself.
    expect(await q.registry.retryFailed('main')).toBe(1);
    await work('main', 'failed', pool);
    expect(ran.get(poison.key)).toBe(6);
    for (const key of [list[0]!.key, 'none']) {
      await expect(q.registry.retryOne('main', key)).rejects.toThrow(`${key}: is no failed picture of main`);
    }
    await expect(q.registry.retryFailed('other')).rejects.toThrow(/^other: there is no such batch in /);
    await q.registry.retryOne('main', poison.key);
    await work(
      'main',
      'done',
      slots(() => RESULT),
    );
    expect(await statusOf('main')).toMatchObject({ counts: { done: 35, failed: 0 }, failures: [] });
  });

  test('another version, another base and a replaced style are refused with a reason, and stay queued', async () => {
    const list = [spec('version', { version: '2' }), spec('base', { model: { name: 'other', fingerprint: 'g' } })];
    const style = join(q.folder, 'style-2');
    writeFileSync(style, 'first');
    list.push(spec('style', { styles: [{ path: style, sha: sha256('first') }] }));
    for (const batch of list) await submit(batch, jobs(batch, 3));
    writeFileSync(style, 'second');
    const mine = spec('mine');
    await submit(mine, jobs(mine, 3));
    const said = await work(
      'mine',
      'done',
      slots(() => RESULT),
    );
    expect(said.filter((line) => line.startsWith('refused'))).toEqual([
      expect.stringMatching(/^refused: batch version is of Diptych 2, this worker is 1; .*; its pictures stay queued$/),
      expect.stringMatching(/^refused: batch base is for the model other \(g\), this worker has stand-in \(f\)/),
      expect.stringMatching(/^refused: batch style: its style .*style-2 was replaced after the batch was queued/),
    ]);
    // Put in again while it waits, nothing of this is forgotten.
    expect(await submit(list[0]!, jobs(list[0]!, 3))).toBe(0);
    for (const name of ['version', 'base', 'style']) {
      const { state, counts, refusals } = await statusOf(name);
      expect([state, counts.waiting]).toEqual(['waiting', 3]);
      expect(refusals).toHaveLength(1);
    }
    // A worker of that version takes what the other left.
    await work(
      'version',
      'done',
      slots(() => RESULT),
      { version: '2' },
    );
    await q.registry.cancel('base');
    expect(await statusOf('base')).toMatchObject({ state: 'cancelled', counts: { waiting: 0, done: 0 } });
    await q.registry.cancel('style');
  });

  test('a worker whose disk is full gives pictures back without costing them a try', async () => {
    const batch = spec('full');
    await submit(batch, jobs(batch, 4));
    const stop = new AbortController();
    let tried = 0;
    const said: string[] = [];
    const full = slots(() => {
      tried++;
      throw new MachineError('/out: cannot be written: no space left on the disk; free some');
    });
    const running = start(full, said, { pauseMs: 500 }).run(stop.signal);
    // Once more after the pause, and the same is not said again.
    while (tried < 3) await pause(20);
    await pause(200);
    stop.abort();
    await running;
    expect(said.filter((line) => line.includes('no space left'))).toHaveLength(1);
    const { refusals, counts } = await statusOf('full');
    expect([refusals.map(({ reason }) => reason), counts.failed]).toEqual([
      [expect.stringContaining('no space left')],
      0,
    ]);
    const seen = new Set<string>();
    await work(
      'full',
      'done',
      slots(({ job }) => (seen.add(job.key), RESULT)),
    );
    expect(seen.size).toBe(4);
    // What was in the way is no news any more, nor for the next run of that name.
    expect((await statusOf('full')).refusals).toEqual([]);
  });

  test('a worker whose slots cannot be started gives every picture back, and ends with the reason', async () => {
    const batch = spec('sick');
    await submit(batch, jobs(batch, 8));
    const said: string[] = [];
    const sick = slots(() => {
      throw new SlotError('the model cannot be opened on this machine: gone');
    });
    await expect(start(sick, said, { pauseMs: 200 }).run(new AbortController().signal)).rejects.toThrow(
      /^the model cannot be opened on this machine: gone; so it was 3 times in a row, and this worker ends; /,
    );
    expect(said.filter((line) => line.startsWith('refused'))).toHaveLength(1);
    const { counts, refusals } = await statusOf('sick');
    expect([counts.failed, counts.waiting + counts.delayed, refusals.length]).toEqual([0, 8, 1]);
    const made = await q.registry.pictures('sick').getJobs(['waiting', 'delayed']);
    expect(made.map(({ attemptsMade }) => attemptsMade)).toEqual(Array(8).fill(0));
    await work(
      'sick',
      'done',
      slots(() => RESULT),
    );
  });

  test('a batch whose output folder is not mounted here is refused, and the folder is not made', async () => {
    const batch = spec('unmounted');
    await submit(batch, jobs(batch, 2));
    rmSync(batch.output, { recursive: true });
    const stop = new AbortController();
    const said: string[] = [];
    const running = start(
      slots(() => RESULT),
      said,
    ).run(stop.signal);
    while (said.length === 0) await pause(20);
    stop.abort();
    await running;
    expect(said[0]).toMatch(/^refused: .*unmounted: holds no \.diptych on this machine, .* mount it under this path/);
    expect([existsSync(batch.output), (await statusOf('unmounted')).counts.waiting]).toEqual([false, 2]);
    await q.registry.cancel('unmounted');
  });

  test('the oldest batch with waiting pictures is served first, and no picture is held that no slot is free for', async () => {
    const [first, second] = [spec('first'), spec('second')];
    await submit(first, jobs(first, 4));
    await submit(second, jobs(second, 6));
    const order: string[] = [];
    const held: number[] = [];
    const pool = slots(async ({ root }) => {
      order.push(root === first.output ? 'first' : 'second');
      await pause(150);
      const counts = await Promise.all(['first', 'second'].map((name) => q.registry.counts(name)));
      held.push(counts.reduce((sum, { running }) => sum + running, 0));
      return RESULT;
    });
    await work('second', 'done', pool);
    expect(order).toEqual([...Array(4).fill('first'), ...Array(6).fill('second')]);
    expect(Math.max(...held)).toBeLessThanOrEqual(2);
    expect((await statusOf('first')).state).toBe('done');
  });

  test('a slot whose picture is computed takes the next one while files are written, and no more than that', async () => {
    const batch = spec('overlap');
    const count = 5;
    await submit(batch, jobs(batch, count));
    let begun = 0;
    let computing = 0;
    let most = 0;
    const pool: WorkerSlots = {
      ...{ size: 1, idle: 1, close: async () => undefined },
      async run(_order, _styles, { onComputed } = {}) {
        const nth = ++begun;
        most = Math.max(most, ++computing);
        await pause(60);
        computing--;
        onComputed?.();
        // Its files are there only after the next one began, which it would never do otherwise.
        while (begun === nth && nth < count) await pause(5);
        await pause(30);
        return RESULT;
      },
    };
    await work('overlap', 'done', pool);
    expect([begun, most]).toEqual([count, 1]);
  });

  test('of quick pictures one more for each slot is taken ahead', async () => {
    const batch = spec('quick');
    await submit(batch, jobs(batch, 12));
    const held: number[] = [];
    const pool = slots(async () => {
      await pause(60);
      held.push((await q.registry.counts('quick')).running);
      return { result: { ...RESULT.result, engineSeconds: 0.9 } };
    });
    await work('quick', 'done', pool);
    expect([held[0]! <= 2, Math.max(...held)]).toEqual([true, 4]);
  });

  test('a picture of a dead worker is done by others that are with a later batch', async () => {
    const [first, later] = [spec('dead'), spec('later')];
    await submit(first, jobs(first, 1));
    let taken = false;
    const processor = (): Promise<never> => ((taken = true), new Promise(() => undefined));
    // As a worker that was killed, it renews no lock.
    const lost = { lockDuration: 1000, skipLockRenewal: true, skipStalledCheck: true };
    const dead = q.connection.worker(queueName('dead'), processor, lost);
    while (!taken) await pause(20);
    await submit(later, jobs(later, 100));
    const order: string[] = [];
    const pool = slots(async ({ root }) => {
      order.push(root === first.output ? 'dead' : 'later');
      // Time for the dead one's lock to be missed, and no more.
      if (!order.includes('dead')) await pause(100);
      return RESULT;
    });
    await work('later', 'done', pool, { lockSeconds: 1 });
    expect(order.filter((name) => name === 'dead')).toHaveLength(1);
    expect(order.at(-1)).toBe('later');
    expect((await statusOf('dead')).state).toBe('done');
    await dead.close(true);
  });

  test('a worker that is told to end gives the pictures in work back, at no cost of a try, and another does them', async () => {
    const batch = spec('ending');
    await submit(batch, jobs(batch, 3));
    const stop = new AbortController();
    let abandon: (() => void) | undefined;
    const closed = new Promise<never>((_, reject) => (abandon = () => reject(new PoolClosedError())));
    let begun = 0;
    const hanging = slots(() => {
      begun++;
      return closed;
    });
    const said: string[] = [];
    const pool = { ...hanging, idle: 0, close: async () => abandon!() };
    const running = start(pool, said, { lockSeconds: 30 }).run(stop.signal);
    while (begun < 2) await pause(20);
    stop.abort();
    expect(await running).toEqual({ givenBack: 2 });
    expect(said.at(-1)).toBe('taking no more pictures; those in work (2) end within two seconds or are given back');
    expect(await statusOf('ending')).toMatchObject({ counts: { running: 0, waiting: 3, failed: 0 } });
    const [job] = await q.registry.pictures('ending').getWaiting();
    expect(job!.attemptsMade).toBe(0);
    await work(
      'ending',
      'done',
      slots(() => RESULT),
    );
  });

  test('the server is restarted in the middle: said in one line each time, and every picture is done', async () => {
    const batch = spec('restart');
    const list = jobs(batch, 40);
    await submit(batch, list);
    q.notes.length = 0;
    const seen = new Map<string, number>();
    let restarted: Promise<void> | undefined;
    const pool = slots(async ({ job }) => {
      seen.set(job.key, (seen.get(job.key) ?? 0) + 1);
      if (seen.size === 10) {
        restarted ??= q.server
          .stop()
          .then(() => pause(500))
          .then(() => q.server.start());
      }
      await pause(20);
      return RESULT;
    });
    const stop = new AbortController();
    const said: string[] = [];
    const running = start(pool, said, { lockSeconds: 2 }).run(stop.signal);
    const state = async (): Promise<string> => (await statusOf('restart').catch(() => undefined))?.state ?? 'away';
    for (let i = 0; i < 600 && (!restarted || (await state()) !== 'done'); i++) await pause(50);
    stop.abort();
    await running;
    expect(await statusOf('restart')).toMatchObject({ state: 'done', counts: { done: 40, failed: 0 } });
    expect(seen.size).toBe(40);
    expect(q.notes).toEqual([
      expect.stringMatching(/: connection lost; waiting for the server$/),
      expect.stringMatching(/: connected again$/),
    ]);
  });
});
