/** `diptych batches --watch`, `diptych batch` that waits, `NAME --cancel` and `--retry-failed`, as processes beside a queue. */
import { writeFileSync } from 'node:fs';
import { Registry } from '../../batch/queue/registry';
import { openServer } from '../../batch/queue/server';
import { Bench, events, filesUnder, QUICK } from './bench';
import { startRedis } from './servers';

test('a batch is watched; what failed, or was lost, is tried again; what waits of it is cancelled and may go on', async () => {
  const b = new Bench();
  const redis = await startRedis('--appendonly', 'no');
  try {
    // Another of the server's numbered databases.
    const queue = ['--queue', `${redis.url}/1`];
    const input = await b.pictures(2);
    writeFileSync(b.at('in/broken.png'), 'no picture');
    const style = await b.style();
    const batch = ['batch', style, input, '-o', b.at('out'), ...QUICK, ...queue, '--name', 'seen'];
    const watching = b.start('batches', ...queue, '--watch');
    await watching.line((line) => line === 'no batches');
    expect((await b.run(...batch, '--detach')).code).toBe(0);
    await watching.line((line) => line === 'seen  waiting  0/3 done, 3 waiting');

    const cancelled = await b.run('batch', 'seen', ...queue, '--cancel', '--json');
    expect([cancelled.code, events(cancelled.out)]).toEqual([0, [{ name: 'seen', cancelled: true, running: 0 }]]);
    await watching.line((line) => line.startsWith('seen  cancelled  0/3 done'));
    expect((await b.run(...batch, '--detach')).err).toContain('3 pictures are in the queue');

    // As a server that is killed loses what it has not written yet.
    const few = await b.pictures(2, 'few');
    const waiting = b.start('batch', style, few, '-o', b.at('whole'), ...QUICK, ...queue, '--name', 'lossy', '--json');
    await waiting.line((line) => line.includes('"event":"progress"') && line.includes('"waiting":2'));
    const server = await openServer(`${redis.url}/1`, { patient: true, note: () => undefined });
    const registry = new Registry(server);
    const [lost] = await registry.pictures('lossy').getWaiting();
    await lost!.remove();
    await registry.close();
    await server.close();

    const worker = b.start('worker', ...queue, '--model', QUICK[1]!, '--threads', '1', '--concurrency', '1');
    await watching.line((line) => line === 'seen  failed  2/3 done, 1 failed');
    expect(filesUnder(b.at('out')).size).toBe(2);
    const { batches } = JSON.parse((await b.run('batches', 'seen', ...queue, '--json')).out) as { batches: object[] };
    expect(batches).toEqual([expect.objectContaining({ name: 'seen', total: 3, state: 'failed' })]);
    expect((await b.run('batches', '--queue', redis.url)).out).toBe('no batches\n');
    const retried = await b.run('batch', 'seen', ...queue, '--retry-failed');
    expect([retried.code, retried.err]).toEqual([0, expect.stringMatching(/^batch seen: 1 picture is tried again$/m)]);
    await worker.line((line) => line.startsWith('failed, to be tried again: '));

    const whole = await waiting.finished;
    expect([whole.code, whole.err]).toEqual([
      0,
      expect.stringContaining('\nnote: 1 picture lost from the queue and put into it again\n'),
    ]);
    expect(events(whole.out).at(-1)).toMatchObject({ event: 'end', total: 2, done: 2, failed: 0 });
    expect(filesUnder(b.at('whole')).size).toBe(2);

    watching.child.kill('SIGINT');
    const { code, err } = await watching.finished;
    expect([code, err]).toEqual([130, expect.stringContaining('stopped watching; the batches go on')]);
    // Said once, however often it looks.
    expect(err.match(/keeps its latest jobs in memory only/g)).toHaveLength(1);
  } finally {
    b.close();
    await redis.close();
  }
}, 240_000);
