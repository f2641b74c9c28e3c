/** The demo's report and chart. */
import { lineChart, runningMean } from '../../cli/demo/chart';
import { renderReport, type Report } from '../../cli/demo/report';

test.each([
  [300, 1, ['0', '50', '100', '150', '200', '250', '300'], ['0.0', '0.2', '0.4', '0.6', '0.8', '1.0']],
  [70, 0.037, ['0', '10', '20', '30', '40', '50', '60', '70'], ['0.00', '0.01', '0.02', '0.03', '0.04']],
])('ticks are round and reach past %i steps and a loss of %d', (x, y, steps, losses) => {
  const points = [{ x: 0, y }, ...Array.from({ length: 99 }, (_, i) => ({ x: (x * (i + 1)) / 99, y }))];
  const svg = lineChart([{ name: 'loss', colour: 'red', points }], { title: '', x: 'step', y: 'loss' });
  const texts = [...svg.matchAll(/>([\d.]+)<\/text>/g)].map((match) => match[1]);
  expect(texts).toEqual([...losses, ...steps]);
});

test('the running mean of a line is that line, and of noise its mean', () => {
  const line = Array.from({ length: 101 }, (_, x) => ({ x, y: 3 * x }));
  expect(runningMean(line)[50]).toEqual({ x: 50, y: 150 });
  const noise = Array.from({ length: 101 }, (_, x) => ({ x, y: x % 2 }));
  for (const { y } of runningMean(noise).slice(10, 90)) expect(Math.abs(y - 0.5)).toBeLessThan(0.05);
});

test('a chart names its axes and series, and draws nothing outside its frame', () => {
  const points = Array.from({ length: 50 }, (_, x) => ({ x, y: x === 20 ? 99 : 1 / (1 + x) }));
  const svg = lineChart([{ name: 'style loss', colour: 'red', points }], {
    title: 'Loss',
    x: 'step',
    y: 'loss & more',
  });
  for (const text of ['>step<', '>loss &#38; more<', '>style loss<']) expect(svg).toContain(text);
  const ys = [...svg.matchAll(/[ML][\d.]+[ ,]([\d.-]+)/g)].map((match) => Number(match[1]));
  expect(ys.length).toBeGreaterThan(90);
  expect(Math.min(...ys)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...ys)).toBeLessThanOrEqual(320);
});

const PNG = Uint8Array.of(137, 80, 78, 71);
const report: Report = {
  before: PNG,
  after: PNG,
  verdict: 'The two images share a layout.',
  edgeAgreement: 0.9876,
  prompt: 'a <teddy>',
  style: 'ink',
  rows: [
    {
      name: 'green-apple',
      original: PNG,
      restyled: [
        { strength: 0, picture: PNG },
        { strength: 1, picture: PNG },
      ],
      zeroIsIdentical: true,
      drawn: PNG,
    },
  ],
  atOnce: [],
  losses: [{ step: 1, content: 1, style: null }],
  steps: [{ title: 'Learn', command: "npx diptych learn 'a b.png'", seconds: 65 }],
  machine: [['Processor', 'Z & Y']],
  seconds: 125,
  date: '2025-01-01',
};

test('the report holds everything and needs nothing beside it', () => {
  const page = renderReport(report);
  for (const text of [
    'a &#60;teddy&#62;',
    'green apple',
    'every byte equal',
    '1:05 min',
    '2:05 min',
    'Z &#38; Y',
    '0.99 of 1',
  ])
    expect(page).toContain(text);
  expect(page).toContain('npx diptych learn &#39;a b.png&#39;');
  expect(page.match(/<img /g)).toHaveLength(6);
  expect(
    [...page.matchAll(/(?:src|href)="([^"]*)"/g)].every((match) => match[1]!.startsWith('data:image/png;base64,')),
  ).toBe(true);
  expect(page).not.toMatch(/<script|@import|url\(/);
});

test('what pairs show at once stands beside the true result, JPEG pictures too', () => {
  const jpeg = Uint8Array.of(0xff, 0xd8, 0xff);
  const row = { ...report.rows[0]!, drawn: jpeg };
  const showing = {
    title: 'A <grade>',
    about: 'Teal.',
    truth: 'The grade itself',
    before: PNG,
    after: jpeg,
    rows: [row],
  };
  const page = renderReport({ ...report, atOnce: [showing] });
  for (const text of ['<h2>At once</h2>', 'A &#60;grade&#62;', '<figcaption>The grade itself'])
    expect(page).toContain(text);
  expect(page.match(/data:image\/jpeg/g)).toHaveLength(2);
  expect(page.match(/<img /g)).toHaveLength(12);
});

test('a strength 0 that is not the original is not called so', () => {
  const page = renderReport({ ...report, rows: [{ ...report.rows[0]!, zeroIsIdentical: false }] });
  expect(page).not.toContain('every byte equal');
  expect(page).toContain('<small class="bad">differs from the original</small>');
});
