/** The progress line. */
import { duration, ProgressLine } from '../../../cli/terminal/progress';
import type { Progress } from '../../../engine/requests';

function record(interactive: boolean): { err: string[]; line: ProgressLine; tick: (ms: number) => void } {
  const err: string[] = [];
  let now = 0;
  const line = new ProgressLine({ err: (text) => err.push(text), interactive }, '', () => now);
  return { err, line, tick: (ms) => (now += ms) };
}

const step = (n: number, content: number | null = 0.5, style: number | null = null): Progress => ({
  phase: 'learn',
  step: n,
  steps: 100,
  loss: { step: n, content, style },
});

test('on a terminal one line is redrawn, with losses and the time left', () => {
  const { err, line, tick } = record(true);
  line.update({ phase: 'encode', step: 0, steps: 3 });
  for (let n = 1; n <= 11; n++) {
    line.update(step(n));
    tick(1000);
  }
  expect(err[0]).toBe('\r\x1b[Kencoding 0/3');
  // Ten steps of one second lie between the first and the eleventh; 89 are left.
  expect(err.at(-1)).toBe('\r\x1b[Klearning 11/100  content loss 0.5000  1:29 min left');
  line.end();
  expect(err.at(-1)).toBe('\r\x1b[K');
  line.end();
  expect(err).toHaveLength(13);
});

test('losses are smoothed, and a phase without one keeps the last', () => {
  const { err, line, tick } = record(true);
  line.update(step(1, 1));
  tick(200);
  line.update(step(2, 0));
  // The weights of 1 and 0 are 0.95 and 1: the younger counts a little more.
  expect(err.at(-1)).toContain('content loss 0.4872');
  tick(200);
  line.update(step(3, null, 0.25));
  expect(err.at(-1)).toContain('content loss 0.4872  style loss 0.2500');
});

test('elsewhere a line every five seconds and one for the last step', () => {
  const { err, line, tick } = record(false);
  for (let n = 1; n <= 100; n++) {
    line.update(step(n));
    tick(100);
  }
  expect(err).toEqual([
    'learning 1/100  content loss 0.5000\n',
    'learning 51/100  content loss 0.5000  5 s left\n',
    'learning 100/100  content loss 0.5000\n',
  ]);
  line.end();
  expect(err).toHaveLength(3);
});

test('a warning is a line of its own, and is kept', () => {
  const { err, line } = record(true);
  expect(line.warnings).toEqual([]);
  line.update(step(1));
  line.update({ phase: 'learn', step: 1, steps: 100, warning: 'the prompt was cut' });
  expect(err.slice(1)).toEqual(['\r\x1b[K', 'note: the prompt was cut\n']);
  expect(line.warnings).toEqual(['the prompt was cut']);
});

test('durations', () => {
  expect([0, 8.4, 59.4, 60, 65, 3599, 7380].map(duration)).toEqual([
    '0 s',
    '8 s',
    '59 s',
    '1:00 min',
    '1:05 min',
    '59:59 min',
    '2:03 h',
  ]);
});
