import { guessPrompt, guessStyleName, orderPair, pickPair } from '../../ui/state/pair-guess';
import { node } from './fake-sandbox';

describe('which is before', () => {
  test.each([
    ['bear / before', 'bear / after'],
    ['Icon old', 'Icon new'],
    ['original', 'styled'],
    ['robot (source)', 'robot (result)'],
    ['bear', 'bear styled'],
    ['bearOriginal', 'bear'],
  ])('names: %s before %s', (before, after) => {
    // Placed the wrong way round: names say more than places.
    const [a, b] = [node('a', before, { x: 500 }), node('b', after, { x: 0 })];
    expect(orderPair(a, b).map(({ name }) => name)).toEqual([before, after]);
    expect(orderPair(b, a).map(({ name }) => name)).toEqual([before, after]);
  });

  test('places: left to right, then top to bottom', () => {
    const [left, right] = [node('left', 'bear', { x: 0, y: 40 }), node('right', 'bear', { x: 200 })];
    expect(orderPair(right, left)).toEqual([left, right]);
    const [high, low] = [node('high', 'bear', { x: 30, y: 0 }), node('low', 'bear', { x: 0, y: 300 })];
    expect(orderPair(low, high)).toEqual([high, low]);
  });

  test('numbers, where the places say nothing', () => {
    const [one, two] = [node('one', 'bear 1'), node('two', 'bear 2')];
    expect(orderPair(two, one)).toEqual([one, two]);
  });
});

describe('words', () => {
  test.each([
    ['teddy-bear / before', 'teddy-bear / ink', 'teddy bear', 'Ink'],
    ['TeddyBear Old', 'TeddyBear New', 'teddy bear', ''],
    ['Frame 12', 'Frame 13', '', ''],
    ['icon/red_apple@flat', 'icon/red_apple@water colour v2', 'red apple', 'Water colour'],
    ['ours', 'ours', 'ours', ''],
    ['Медведь до', 'Медведь тушь', 'медведь', 'Тушь'],
  ])('%s, %s: shows "%s", style "%s"', (before, after, prompt, style) => {
    expect(guessPrompt(before, after)).toBe(prompt);
    expect(guessStyleName(before, after)).toBe(style);
  });
});

test('the pair among three layers', () => {
  const before = node('1', 'bear before');
  const after = node('2', 'bear ink');
  const other = node('3', 'robot', { height: 50 });
  for (const order of [
    [before, after, other],
    [other, after, before],
    [after, other, before],
  ] as const) {
    expect(pickPair([order[0], order[1], order[2]]).map(({ id }) => id)).toEqual(['1', '2', '3']);
  }
});
