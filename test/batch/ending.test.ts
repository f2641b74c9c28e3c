/** `diptych worker` as a process that is told to end in the middle of a picture that takes long. */
import { openServer } from '../../batch/queue/server';
import { Registry } from '../../batch/queue/registry';
import { Bench, childrenOf, filesUnder, isRunning, QUICK } from './bench';
import { startRedis } from './servers';

test('SIGTERM and Ctrl-C give the picture back and end; a later one ends at once, though the queue does not answer', async () => {
  const b = new Bench();
  const redis = await startRedis();
  const connection = await openServer(redis.url, { patient: true, note: () => undefined });
  const registry = new Registry(connection);
  try {
    const queue = ['--queue', redis.url, '--model', QUICK[1]!];
    const input = await b.pictures(2, 'in', 128);
    const long = ['--steps', '1000', '--size', '128', '--name', 'long', '--detach'];
    const sent = await b.run('batch', await b.style(), input, '-o', b.at('out'), ...queue, ...long);
    expect(sent.err).toMatch(/2 pictures are in the queue/);
    const counts = async (): Promise<object> => (await registry.counts('long')) as object;
    const start = async (nth = 1): Promise<{ worker: ReturnType<Bench['start']>; slots: number[] }> => {
      const worker = b.start('worker', ...queue, '--threads', '1', '--concurrency', '1');
      await worker.line((line) => line === 'batch long: taking pictures');
      for (let i = 0; i < 200 && (await registry.counts('long')).running < nth; i++) await pause(50);
      expect(await counts()).toMatchObject({ running: nth, waiting: 2 - nth });
      return { worker, slots: childrenOf(worker.child.pid!) };
    };

    const first = await start();
    // As Kubernetes ends it.
    first.worker.child.kill('SIGTERM');
    const { err } = await first.worker.finished;
    expect(err.split('\n').slice(-3)).toEqual([
      'taking no more pictures; those in work (1) end within two seconds or are given back',
      'diptych: worker stopped; it did 0 pictures, gave 1 back, the rest stays queued',
      '',
    ]);
    expect(await counts()).toMatchObject({ running: 0, waiting: 2, failed: 0 });

    const second = await start();
    const third = await start(2);
    redis.pause();
    third.worker.child.kill('SIGTERM');
    const unheard = await third.worker.finished;
    expect(unheard.err.split('\n').slice(-3)).toEqual([
      'the queue does not answer; pictures that were in work go to other workers 30 seconds from now',
      'diptych: worker stopped; it did 0 pictures, the rest stays queued',
      '',
    ]);
    second.worker.child.kill('SIGINT');
    // One signal is obeyed; the next counts only when it comes clearly later.
    const again = setInterval(() => second.worker.child.kill('SIGINT'), 300);
    const atOnce = await second.worker.finished;
    clearInterval(again);
    expect(second.worker.child.signalCode).toBe('SIGINT');
    expect(atOnce.err).not.toContain('worker stopped');
    for (const { slots } of [first, second, third]) while (slots.some(isRunning)) await pause(50);
    expect(filesUnder(b.at('out')).size).toBe(0);
  } finally {
    b.close();
    await connection.close();
    await redis.close();
  }
}, 300_000);

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
