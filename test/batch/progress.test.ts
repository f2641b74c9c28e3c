/** A batch's progress: a bar on a terminal, a line now and then elsewhere. */
import { BatchProgress } from '../../batch/progress';
import { duration } from '../../cli/terminal/progress';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** What is written meanwhile; control sequences left out. */
function written(interactive: boolean, use: (bar: BatchProgress) => void): string[] {
  let text = '';
  use(new BatchProgress((more) => (text += more), interactive, duration));
  return text
    .replace(/\x1b(\[[?0-9;]*[a-zA-Z]|[78])/g, '\n')
    .split('\n')
    .filter((line) => line.trim() !== '');
}

const NUMBERS = { done: 2, failed: 1, total: 12, perSecond: 2, secondsLeft: 65 };

test('on a terminal: done and failed of all, the rate, the time left, the failures so far', () => {
  const lines = written(true, (bar) => {
    bar.update({ ...NUMBERS, done: 0, failed: 0, perSecond: undefined, secondsLeft: undefined });
    jest.advanceTimersByTime(300);
    bar.update(NUMBERS);
    jest.advanceTimersByTime(300);
    bar.end();
  });
  expect(lines[0]).toBe(`${'░'.repeat(24)} 0/12`);
  expect(lines.at(-1)).toBe(`${'█'.repeat(6)}${'░'.repeat(18)} 3/12  2.0 pictures/s  1:05 min left  1 failed`);
});

test('elsewhere: the same as a line every ten seconds, and nothing after its end', () => {
  let after = -1;
  const lines = written(false, (bar) => {
    bar.update(NUMBERS);
    jest.advanceTimersByTime(9000);
    bar.update({ ...NUMBERS, failed: 2 });
    jest.advanceTimersByTime(1500);
    bar.end();
    after = jest.getTimerCount();
    bar.end();
  });
  expect(lines).toContain('4/12  2.0 pictures/s  1:05 min left  2 failed');
  expect(lines.length).toBeLessThanOrEqual(3);
  expect(after).toBe(0);
});
