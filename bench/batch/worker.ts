/**
 * What a picture costs a worker of a queue beside the restyling itself: one worker with one slot on a Redis or PostgreSQL
 * of its own, in turns with the same pictures without a queue.
 * `node bench/batch/run.mjs worker [pictures] [redis|postgres] [CHECKOUT]`: with the folder of another checkout that was
 * built, its worker takes its turn as well.
 */
import { startPostgres, startRedis } from '../../test/batch/servers';
import { command, costs, ENGINE, ROOT, round, timed, Workplace } from './runs';

const TURNS = 2;

export async function measureWorker(count: number, kind: 'redis' | 'postgres', other?: string): Promise<object[]> {
  const place = new Workplace();
  const server = await (kind === 'redis' ? startRedis() : startPostgres());
  try {
    await place.pictures(count);
    const queue = ['--queue', server.url];
    const one = ['--concurrency', '1'];
    const rows: object[] = [];
    for (let turn = 0; turn < TURNS; turn++) {
      const here = await timed([...place.batch(`here-${turn}`, 1), ...one]);
      rows.push({ case: 'without a queue', pictures: count, ...costs(here) });
      for (const root of other === undefined ? [ROOT] : [other, ROOT]) {
        const name = `queued-${turn}-${rows.length}`;
        command([...place.batch(name, 1), ...queue, '--detach'], root);
        const queued = await timed(['worker', ...queue, ...ENGINE, ...one], { root, ends: count });
        const inSlot = queued.done.slice(1).map(({ seconds, engineSeconds }) => 1000 * (seconds - engineSeconds));
        // Of a picture's time in its slot: reading, decoding, encoding and writing.
        const filesMs = round(inSlot.reduce((sum, ms) => sum + ms, 0) / inSlot.length);
        rows.push({ case: `a worker of ${kind}`, of: root, pictures: count, ...costs(queued), filesMs });
      }
    }
    return rows;
  } finally {
    await server.close();
    place.remove();
  }
}
