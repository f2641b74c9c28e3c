/** Option values: what is taken, and the one line when it is not. */
import fc from 'fast-check';
import { InputError } from '../../engine/errors';
import { requireStrength } from '../../engine/diffusion/guidance';
import {
  given,
  number,
  oneOf,
  promptOption,
  STRENGTH_RANGE,
  strengthPerStyle,
  strengths,
  wholeNumber,
} from '../../cli/options';
import { gatherPairs, pairOption } from '../../cli/inputs/pairs';

test('whole numbers', () => {
  const parse = wholeNumber('--steps', 1, 1000);
  expect(parse('1')).toBe(1);
  expect(parse('1000')).toBe(1000);
  expect(parse('1e2')).toBe(100);
  for (const text of ['0', '1001', '1.5', '-3', 'ten', '', ' ', 'NaN', 'Infinity', '3x'])
    expect(() => parse(text)).toThrow(new InputError(`--steps ${text}: use a whole number from 1 to 1000`));
});

test('numbers, with an open lower end where zero makes no sense', () => {
  expect(number('--guidance', 0, 30)('0')).toBe(0);
  const parse = number('--lr', 0, 1, true);
  expect(parse('1e-4')).toBe(1e-4);
  expect(() => parse('0')).toThrow(new InputError('--lr 0: use a number above 0, at most 1'));
  for (const text of ['-1', '1.01', 'fast', '', 'NaN']) expect(() => parse(text)).toThrow(InputError);
  // Nothing is not 0, where that is allowed.
  for (const text of ['', ' ']) {
    expect(() => wholeNumber('--seed', 0, 9)(text)).toThrow(
      new InputError(`--seed ${text}: use a whole number from 0 to 9`),
    );
    expect(() => number('--guidance', 0, 30)(text)).toThrow(
      new InputError(`--guidance ${text}: use a number from 0 to 30`),
    );
  }
});

test('words', () => {
  const parse = oneOf('--mode', ['pair', 'addift']);
  expect(parse('addift')).toBe('addift');
  expect(() => parse('Pair')).toThrow(new InputError('--mode Pair: use one of pair, addift'));
});

test('strengths are numbers the engine takes, and the engine takes no others', () => {
  expect(strengths('0.5,1,-2')).toEqual([0.5, 1, -2]);
  for (const text of ['', '1,', 'a', '1;2', '5']) expect(() => strengths(text)).toThrow(InputError);
  fc.assert(
    fc.property(fc.double({ min: -6, max: 6, noNaN: true }), (strength) => {
      const taken = (check: () => unknown): boolean => {
        try {
          check();
          return true;
        } catch {
          return false;
        }
      };
      expect(taken(() => strengths(String(strength)))).toBe(taken(() => requireStrength(strength)));
    }),
  );
  expect(() => requireStrength(STRENGTH_RANGE.max)).not.toThrow();
});

test('one strength per style, one for all, or none', () => {
  expect(strengthPerStyle(undefined, 2)).toEqual([1, 1]);
  expect(strengthPerStyle([0.3], 3)).toEqual([0.3, 0.3, 0.3]);
  expect(strengthPerStyle([0.3, 2], 2)).toEqual([0.3, 2]);
  expect(() => strengthPerStyle([1, 2], 1)).toThrow('--strength gives 2 strengths for one style');
  expect(() => strengthPerStyle([1, 2], 3)).toThrow('--strength gives 2 strengths for 3 styles');
});

test('given keeps falsy values and drops undefined ones', () => {
  expect(given({ a: 0, b: undefined, c: '', d: false })).toEqual({ a: 0, c: '', d: false });
});

test('a prompt that no text encoder would read is refused', () => {
  expect(promptOption('x'.repeat(10_000))).toHaveLength(10_000);
  expect(() => promptOption('x'.repeat(10_001))).toThrow('--prompt: it has 10001 characters; use at most 10000');
});

test('pairs take two files each, up to five times, and "--" ends them', () => {
  const gathered = gatherPairs(['restyle', '--pair', 'a', 'b', 'c', '--', '--pair', 'd']);
  expect(gathered).toEqual(['restyle', '--pair=a\0b', 'c', '--', '--pair', 'd']);
  for (const argv of [
    ['--pair', 'a'],
    ['--pair', 'a', '-o'],
  ])
    expect(() => gatherPairs(argv)).toThrow(new InputError('--pair takes two pictures: --pair BEFORE AFTER'));
  const pair = { before: 'a', after: 'b' };
  expect(pairOption('a\0b', [pair])).toEqual([pair, pair]);
  expect(() => pairOption('a\0b', new Array(5).fill(pair))).toThrow('--pair is given more than 5 times; give fewer');
});
