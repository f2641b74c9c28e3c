/** Rows, intervals, choices and comparisons of the pair benchmark. */
import { FAMILIES, parseRows } from '../../bench/pairs/run/rows';
import { bootstrap } from '../../bench/pairs/run/statistics';
import { bestRows, comparable, summarise, type Placed } from '../../bench/pairs/run/summary';

test('rows are named by family and strength, and doing nothing is always among them', () => {
  expect(parseRows('diptych@0.5, scale@2,colour-map').map(({ name }) => name)).toEqual([
    'nothing',
    'diptych@0.5',
    'scale@2',
    'colour-map',
  ]);
  const all = parseRows(undefined);
  expect(new Set([...all, ...parseRows(undefined, true)].map(({ family }) => family))).toEqual(
    new Set(Object.keys(FAMILIES)),
  );
  expect(all.some(({ way }) => way.by === 'pairs')).toBe(false);
  expect(parseRows('diptych').map(({ strength }) => strength)).toEqual([null, 0.25, 0.5, 0.75, 1, 1.25, 1.5]);
  expect(() => parseRows('dreambooth')).toThrow('--rows dreambooth: there is no row dreambooth; use nothing, diptych');
  expect(() => parseRows('diptych@9')).toThrow('above 0 and at most 4');
  expect(() => parseRows('reinhard@1')).toThrow('for rows that have strengths');
});

test('the interval holds the mean, is the same every time, and narrows with more tasks', () => {
  expect(bootstrap([3, 3, 3])).toEqual({ mean: 3, low: 3, high: 3 });
  const coin = (n: number): number[] => Array.from({ length: n }, (_, i) => i % 2);
  const few = bootstrap(coin(16));
  const many = bootstrap(coin(400));
  expect(bootstrap(coin(16))).toEqual(few);
  expect(few.mean).toBe(0.5);
  // The mean of 400 coins: 1.96 standard errors of 0.025 either way.
  expect(many.low).toBeCloseTo(0.451, 1.5);
  expect(many.high - many.low).toBeGreaterThan(0.085);
  expect(many.high - many.low).toBeLessThan(0.111);
  expect(few.high - few.low).toBeGreaterThan(3.5 * (many.high - many.low));
});

function result(task: string, row: string, image: string, perceptual: number, more: Partial<Placed> = {}): Placed {
  const metrics = { perceptual, structure: 1, ownStructure: 1, colour: 0, pixels: 0, flat: null };
  return { task, row, image, pair: '', test: '', version: 1, kind: 'k', split: 'report', metrics, ...more };
}

test('means are over tasks, not pictures; closer and behind are taken picture by picture', () => {
  const summaries = summarise([
    result('a', 'nothing', '1', 0.5),
    result('a', 'diptych@1', '1', 0.25),
    result('a', 'scale@1', '1', 0.5),
    result('b', 'nothing', '1', 0.5),
    result('b', 'diptych@1', '1', 0.75),
    result('b', 'scale@1', '1', 1),
    result('b', 'nothing', '2', 0.5),
    result('b', 'diptych@1', '2', 0.25),
    result('b', 'scale@1', '2', 0.25),
  ]);
  const of = (row: string) => summaries.find((one) => one.row === row)!;
  expect(of('diptych@1')).toMatchObject({ family: 'diptych', strength: 1, tasks: 2, images: 3, behind: null });
  expect(of('diptych@1').metrics.perceptual!.mean).toBeCloseTo((0.25 + 0.5) / 2, 9);
  expect(of('diptych@1').metrics.flat).toBeNull();
  expect(of('diptych@1').closer).toBeCloseTo(2 / 3, 9);
  expect(of('scale@1').behind!.mean).toBeCloseTo((0.25 + 0.125) / 2, 9);
  expect(of('nothing')).toMatchObject({ strength: null, closer: 0 });
});

test('the best strength is chosen on tune tasks of the kinds asked for alone', () => {
  const tune = { split: 'tune' } as const;
  const best = bestRows(
    [
      result('a', 'scale@1', '1', 0.4, tune),
      result('a', 'scale@2', '1', 0.3, tune),
      result('b', 'scale@1', '1', 0.1),
      result('c', 'scale@1', '1', 0, { ...tune, kind: 'broken' }),
      result('a', 'reinhard', '1', 0.9, tune),
    ],
    ['k'],
  );
  expect([...best]).toEqual([
    ['scale', 'scale@2'],
    ['reinhard', 'reinhard'],
  ]);
});

test('rows are compared on the pictures all of them have; a row that few have is left out', () => {
  const kept = comparable([
    ...['1', '2', '3'].map((image) => result('a', 'nothing', image, 0)),
    ...['1', '2'].map((image) => result('a', 'diptych@1', image, 0)),
    result('a', 'addift@1', '1', 0),
  ]);
  expect(kept.map(({ row, image }) => `${row} ${image}`).sort()).toEqual([
    'diptych@1 1',
    'diptych@1 2',
    'nothing 1',
    'nothing 2',
  ]);
});
