/**
 * What a batch costs on one machine beside the restyling itself: time and CPU time of each picture outside the engine,
 * two slots against one, and the memory of a slot from the first picture to the last. Pictures on the tiny test model, so
 * that there is much of everything else. `node bench/batch/run.mjs machine [pictures] [CHECKOUT]`: with the folder of
 * another checkout that was built, its overhead is measured in turns with this one's.
 */
import { costs, ROOT, round, timed, Workplace, type Run } from './runs';

export async function measureMachine(count: number, other?: string): Promise<object[]> {
  const place = new Workplace();
  try {
    await place.pictures(count);
    const slots = (count: number): string[] => ['--concurrency', String(count)];
    const rows: object[] = [];
    const roots = other === undefined ? [ROOT] : [other, ROOT];
    const sampleEvery = Math.max(1, Math.floor(count / 20));
    let long: Run;
    for (let turn = 0; turn < (other === undefined ? 1 : 2); turn++) {
      for (const root of roots) {
        const argv = [...place.batch(`long-${turn}-${roots.indexOf(root)}`, 1), ...slots(1)];
        long = await timed(argv, { root, sampleEvery });
        rows.push({ case: 'overhead', of: root, pictures: count, ...costs(long) });
      }
    }
    rows.push({ case: 'memory of a slot, MiB', at: long!.memory.map((mib) => Math.round(mib)) });
    // In turns, so that what else the machine does is shared alike; enough steps for a picture that is mostly computed.
    const turns: { one: Run; two: Run }[] = [];
    for (let turn = 0; turn < 3; turn++) {
      const seed = ['--seed', String(turn)];
      const one = await timed([...place.batch(`one-${turn}`, 20, 'few'), ...slots(1), ...seed]);
      const two = await timed([...place.batch(`two-${turn}`, 20, 'few'), ...slots(2), ...seed]);
      turns.push({ one, two });
    }
    rows.push({
      case: 'two slots against one',
      speed: turns.map(({ one, two }) => round(one.seconds / two.seconds, 2)),
      // The work that one picture takes; what two slots cost each other shows here whatever else the machine does.
      cpuRatio: turns.map(({ one, two }) => round(one.cpu / two.cpu, 2)),
    });
    return rows;
  } finally {
    place.remove();
  }
}
