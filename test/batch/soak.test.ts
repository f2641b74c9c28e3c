/**
 * A batch through Redis while workers are killed and Redis is restarted: 60 pictures here, 2,000 by `npm run soak`
 * (DIPTYCH_SOAK). Every output must be there, with the bytes of an undisturbed run, and nothing else.
 */
import { readdirSync } from 'node:fs';
import { openServer } from '../../batch/queue/server';
import { queueName } from '../../batch/queue/registry';
import { TRIES } from '../../batch/job';
import { Bench, childrenOf, events, filesUnder, isRunning, QUICK, type Running } from './bench';
import { startRedis } from './servers';

const COUNT = Number(process.env['DIPTYCH_SOAK'] ?? 60);
const WORKERS = COUNT > 60 ? 4 : 3;
/** A worker is killed each time this many more pictures are done, so that a slow machine gets on as well. */
const KILL_EVERY = COUNT > 60 ? 40 : 14;

test(`${COUNT} pictures, workers killed and Redis restarted: each output once, bytes as of an undisturbed run`, async () => {
  const b = new Bench();
  const redis = await startRedis();
  const server = await openServer(redis.url, { patient: true, note: () => undefined });
  const queue = server.queue(queueName('soak'));
  try {
    const style = await b.style();
    const input = await b.pictures(COUNT);
    const undisturbed = await b.run('batch', style, input, '-o', b.at('calm'), ...QUICK, '--concurrency', '2');
    expect(undisturbed.code).toBe(0);
    const calm = filesUnder(b.at('calm'));
    expect(calm.size).toBe(COUNT);

    const workers: Running[] = [];
    const startWorker = (): void => {
      // On a machine so busy that a lock of 2 s is not renewed in time, a picture may seem lost by three workers.
      const options = ['--model', QUICK[1]!, '--threads', '1', '--concurrency', '1', '--lock', '5', '--json'];
      workers.push(b.start('worker', '--queue', redis.url, ...options));
    };
    for (let i = 0; i < WORKERS; i++) startWorker();
    const batch = b.start(
      'batch',
      style,
      input,
      '-o',
      b.at('out'),
      ...QUICK,
      '--queue',
      redis.url,
      '--name',
      'soak',
      '--json',
    );
    let kills = 0;
    for (let done = 5; done < COUNT - 3; done += KILL_EVERY) {
      // Progress may jump: the line that says at least so many.
      await batch.line((line) => line.includes('"progress"') && Number(/"done":(\d+)/.exec(line)?.[1]) >= done);
      // A picture that is in the hands of three dead workers fails, as it should: none is to be that unlucky here.
      const unlucky = (await queue.getActive()).filter(({ stalledCounter }) => stalledCounter >= TRIES - 1);
      const spared = new Set(unlucky.map(({ processedBy }) => Number(processedBy?.split(':').at(-1))));
      const alive = workers.filter(({ child }) => child.exitCode === null && child.signalCode === null);
      const may = alive.filter(({ child: { pid } }) => ![pid!, ...childrenOf(pid!)].some((id) => spared.has(id)));
      const victim = may[kills % may.length]!;
      const slots = childrenOf(victim.child.pid!);
      victim.child.kill('SIGKILL');
      startWorker();
      kills++;
      if (kills === 2) {
        await redis.stop('SIGKILL');
        await pause(300);
        await redis.start();
      }
      // The slots of a killed worker end by themselves.
      while (slots.some(isRunning)) await pause(50);
    }
    const { code, err, out } = await batch.finished;
    expect(events(out).filter(({ event }) => event === 'failed')).toEqual([]);
    expect([code, err.split('\n').filter((line) => line.startsWith('diptych:'))]).toEqual([0, []]);
    const lost = err.split('\n').filter((line) => / connect(ion|ed) /.test(line));
    if (kills > 1) expect(lost).toEqual([expect.stringMatching(/lost; waiting/), expect.stringMatching(/again$/)]);
    expect(events(out).at(-1)).toMatchObject({ event: 'end', total: COUNT, done: COUNT, failed: 0 });

    const made = filesUnder(b.at('out'));
    expect([...made.keys()]).toEqual([...calm.keys()]);
    for (const [name, bytes] of calm) expect(made.get(name)!.equals(bytes)).toBe(true);
    expect(readdirSync(b.at('out')).sort()).toEqual(
      [...new Set([...calm.keys()].map((name) => name.split('/')[0]!))].concat('.diptych').sort(),
    );
    expect(readdirSync(b.at('out/.diptych'))).toEqual([]);
    // Who was alive at the end stops on request and says so.
    const last = workers.at(-1)!;
    await last.line((line) => line.includes('worker on '));
    last.child.kill('SIGINT');
    expect((await last.finished).err).toMatch(/worker stopped; it did \d+ pictures?, the rest stays queued\n$/);
  } finally {
    b.close();
    await queue.close();
    await server.close();
    await redis.close();
  }
}, 3_600_000);

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
