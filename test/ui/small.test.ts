import { Notices } from '../../ui/state/notices';
import { complaintAbout, complaintAboutSeed, LEARN_RULES } from '../../ui/state/learn-settings';
import { Pace } from '../../ui/state/pace';
import { DEFAULT_LEARN_SETTINGS } from '../../ui/state/pair';
import { pngSize } from '../../ui/state/png';
import { bytesInWords, counted, listed, secondsInWords } from '../../ui/state/words';
import { pngHeader } from './fake-engine';

test.each([
  [0, '0 bytes'],
  [999, '999 bytes'],
  [1000, '1.0 kB'],
  [412_345, '412 kB'],
  [5_000_000, '5.0 MB'],
  [1_720_000_000, '1.7 GB'],
])('%d bytes', (bytes, words) => {
  expect(bytesInWords(bytes)).toBe(words);
});

test.each([
  [0.2, '1 s'],
  [9.1, '10 s'],
  [33, '35 s'],
  [58, '1 min'],
  [200, '3 min'],
  [3600, '1 h'],
  [4000, '1 h 7 min'],
])('%d seconds', (seconds, words) => {
  expect(secondsInWords(seconds)).toBe(words);
});

test('counts and lists', () => {
  expect([counted(1, 'layer'), counted(3, 'layer')]).toEqual(['1 layer', '3 layers']);
  expect([listed([]), listed(['a']), listed(['a', 'b']), listed(['a', 'b', 'c'])]).toEqual([
    '',
    'a',
    'a and b',
    'a, b and c',
  ]);
});

test('the size of a PNG', () => {
  expect(pngSize(pngHeader(640, 480))).toEqual({ width: 640, height: 480 });
  expect(() => pngSize(new Uint8Array(5))).toThrow('not a PNG');
});

describe('settings of learning', () => {
  test('every default is within its range', () => {
    expect(LEARN_RULES.map(({ key }) => key).sort()).toEqual(Object.keys(DEFAULT_LEARN_SETTINGS).sort());
    for (const rule of LEARN_RULES) expect(complaintAbout(rule, DEFAULT_LEARN_SETTINGS[rule.key])).toBeNull();
  });

  test.each([
    [-1, 'Use a number from 0 to 4294967295'],
    [1.5, 'Use a whole number'],
    [NaN, 'Use a number from 0 to 4294967295'],
    [7, null],
  ])('seed %d', (seed, complaint) => {
    expect(complaintAboutSeed(seed)).toBe(complaint);
  });
});

test('time left counts steps of both losses double, and lets a pause for a sample pass', () => {
  const pace = new Pace(10);
  const left = [1, 2, 3, 4].map((step) => pace.note(step, 20, step * 100));
  // 6 content steps of 100 ms, 10 joint ones of 200 ms.
  expect(left).toEqual([null, null, null, expect.closeTo(2.6)]);
  expect(pace.note(5, 20, 10_000)).toBeCloseTo(2.5);
});

describe('notices', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  test('information leaves by itself, errors stay', () => {
    const notices = new Notices();
    notices.info('done');
    notices.error('broken');
    jest.advanceTimersByTime(20_000);
    expect(notices.list.value.map(({ text }) => text)).toEqual(['broken']);
  });

  test('what is said again is said once, and no more than three at a time: errors are the last to go', () => {
    const notices = new Notices();
    notices.error('broken');
    for (const text of ['a', 'b', 'b', 'c', 'd']) notices.info(text);
    expect(notices.list.value.map(({ text }) => text)).toEqual(['broken', 'c', 'd']);
  });

  test('its action runs once, and closes it', () => {
    const notices = new Notices();
    const run = jest.fn();
    const id = notices.info('deleted', { label: 'Undo', run });
    notices.act(id);
    notices.act(id);
    expect(run).toHaveBeenCalledTimes(1);
    expect(notices.list.value).toEqual([]);
  });
});
