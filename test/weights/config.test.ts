/** Typed reading of configuration files. */
import fc from 'fast-check';
import { ConfigReader } from '../../engine/weights/config';
import { isObject, parseJson } from '../../engine/weights/json';
import { inputError, valueOrInputError } from './support';

const reader = (value: unknown): ConfigReader => new ConfigReader(value, 'unet/config.json');
const failure = (run: () => unknown): Promise<string> => inputError(Promise.resolve().then(run));

test('reads values of every kind', () => {
  const config = reader({
    sample_size: 64,
    scaling_factor: 0.18215,
    flip: true,
    act_fn: 'silu',
    channels: [320, 640],
    types: ['Down', 'Mid'],
    heads: 8,
    inner: { depth: 2 },
    nothing: null,
  });
  expect(config.integer('sample_size')).toBe(64);
  expect(config.number('scaling_factor')).toBe(0.18215);
  expect(config.boolean('flip')).toBe(true);
  expect(config.text('act_fn')).toBe('silu');
  expect(config.oneOf('act_fn', ['relu', 'silu'])).toBe('silu');
  expect(config.oneOfEach('types', ['Down', 'Mid', 'Up'])).toEqual(['Down', 'Mid']);
  expect(config.integers('channels')).toEqual([320, 640]);
  expect(config.perBlock('channels', 2)).toEqual([320, 640]);
  expect(config.perBlock('heads', 3)).toEqual([8, 8, 8]);
  expect(config.nested('inner').integer('depth')).toBe(2);
  expect(config.nested('outer', true).integer('depth', 7)).toBe(7);
  expect(config.has('nothing')).toBe(false);
});

test('absent and null keys take the fallback', () => {
  const config = reader({ a: null });
  expect(config.number('a', 1.5)).toBe(1.5);
  expect(config.boolean('b', false)).toBe(false);
  expect(config.text('b', '')).toBe('');
  expect(config.integers('b', [])).toEqual([]);
  expect(config.perBlock('b', 2, 4)).toEqual([4, 4]);
  expect(() => config.only('a', [null, 'x'])).not.toThrow();
});

test.each<[string, (config: ConfigReader) => unknown, RegExp]>([
  ['missing', (c) => c.number('none'), /unet\/config\.json: "none" is missing/],
  ['a key of Object.prototype', (c) => c.text('toString'), /"toString" is missing/],
  ['not a number', (c) => c.number('text'), /"text" must be a number .*, not "x"/],
  ['a fraction', (c) => c.integer('half'), /"half" must be a whole number from 0 to/],
  ['negative', (c) => c.integer('minus'), /"minus" must be a whole number/],
  ['absurd', (c) => c.integer('huge'), /"huge" must be/],
  ['out of range', (c) => c.integer('ten', undefined, { min: 1, max: 9 }), /from 1 to 9, not 10/],
  ['not a boolean', (c) => c.boolean('ten'), /true or false/],
  ['not a string', (c) => c.text('ten'), /a string/],
  ['not an option', (c) => c.oneOf('text', ['y', 'z']), /one of y, z, not "x"/],
  ['not a list', (c) => c.integers('ten'), /a list/],
  ['a long list', (c) => c.integers('long'), /a list of at most 256/],
  ['a list of others', (c) => c.integers('mixed'), /whole number/],
  ['too few', (c) => c.perBlock('mixed2', 3), /one whole number or 3 of them/],
  ['not nested', (c) => c.nested('ten'), /"ten" must hold a JSON object, not 10/],
  ['nested path', (c) => c.nested('inner').number('depth'), /"inner.depth" is missing/],
  ['unsupported', (c) => c.only('text', [null, 'y']), /"text" is "x", which is not supported \(only null, "y"\)/],
])('refuses what is %s', async (_, read, message) => {
  const config = reader({
    text: 'x',
    half: 0.5,
    minus: -1,
    huge: 1e15,
    ten: 10,
    long: new Array(300).fill(1),
    mixed: [1, 'a'],
    mixed2: [1, 2],
    inner: {},
  });
  expect(await failure(() => read(config))).toMatch(message);
});

test.each([[[]], ['text'], [null], [3]])('refuses a file that holds %j', async (value) => {
  expect(await failure(() => reader(value))).toMatch(/must hold a JSON object/);
});

test('parseJson refuses what is not JSON, __proto__, and deep nesting', async () => {
  expect(await failure(() => parseJson('{"a":\n', 'f'))).toMatch(/^f: is not valid JSON/);
  expect(await failure(() => parseJson('{"a":[{"__proto__":1}]}', 'f'))).toMatch(/__proto__/);
  expect(await failure(() => parseJson('{"\\u005f_proto__":1}', 'f'))).toMatch(/__proto__/);
  expect(await failure(() => parseJson('['.repeat(200) + ']'.repeat(200), 'f'))).toMatch(/deep/);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

test('parseJson agrees with JSON.parse, and any object can be asked anything', async () => {
  await fc.assert(
    fc.asyncProperty(fc.json({ maxDepth: 6 }), fc.string(), async (text, key) => {
      const value = await valueOrInputError(() => parseJson(text, 'f'));
      if (value === undefined) return;
      expect(value).toEqual(JSON.parse(text));
      if (!isObject(value)) return;
      const config = reader(value);
      for (const at of [key, ...config.keys()]) {
        await valueOrInputError(() => config.number(at));
        await valueOrInputError(() => config.perBlock(at, 4));
        await valueOrInputError(() => config.oneOfEach(at, ['a']));
        await valueOrInputError(() => config.nested(at));
        await valueOrInputError(() => config.only(at, [1]));
      }
    }),
  );
});

test('lists of strings, settings of blocks and of their layers, and flags', async () => {
  const config = reader({ words: ['a', 'b'], mixed: ['a', 1], depths: [1, [2, 3]], depth: 2, flags: [true, false] });
  expect(config.strings('words')).toEqual(['a', 'b']);
  expect(config.strings('absent', ['c'])).toEqual(['c']);
  expect(await failure(() => config.strings('mixed'))).toContain('"mixed" must be a list of strings, not ["a",1]');
  expect(config.perBlockOrLayer('depths', 2, 1)).toEqual([1, [2, 3]]);
  expect(config.perBlockOrLayer('depth', 3, 1)).toEqual([2, 2, 2]);
  expect(config.perBlockOrLayer('absent', 2, 1)).toEqual([1, 1]);
  expect(await failure(() => config.perBlockOrLayer('depths', 3, 1))).toContain('one entry for each of 3 blocks');
  expect(await failure(() => reader({ d: [1, [0.5]] }).perBlockOrLayer('d', 2, 1))).toContain('a whole number');
  expect(config.flagPerBlock('flags', 2, false)).toEqual([true, false]);
  expect(config.flagPerBlock('absent', 2, true)).toEqual([true, true]);
  expect(reader({ one: true }).flagPerBlock('one', 3, false)).toEqual([true, true, true]);
  for (const flags of [[true], [true, 1], 'yes']) {
    const message = await failure(() => reader({ flags }).flagPerBlock('flags', 2, false));
    expect(message).toContain('"flags" must be true, false or a list of 2 of them');
  }
});

test('the ends of a range belong to it, and so do lists of 256', async () => {
  const config = reader({ low: 1, high: 2, text: '1', list: new Array(256).fill(3), long: new Array(257).fill(3) });
  expect([config.integer('low', 0, { min: 1, max: 2 }), config.number('high', 0, { min: 1, max: 2 })]).toEqual([1, 2]);
  expect(await failure(() => config.number('text', 0, { min: 0, max: 2 }))).toContain('a number from 0 to 2, not "1"');
  expect(config.integers('list')).toHaveLength(256);
  expect(await failure(() => config.integers('long'))).toContain('a list of at most 256');
});

test('what is there, what is nested, and what is not an object', async () => {
  const config = reader({ inner: { depth: 2 }, nothing: null });
  expect([config.has('inner'), config.has('nothing'), config.has('constructor')]).toEqual([true, false, false]);
  expect(config.nested('inner', true).integer('depth')).toBe(2);
  expect(config.nested('absent', true).keys()).toEqual([]);
  expect(await failure(() => config.nested('absent'))).toContain('"absent" must hold a JSON object, not nothing');
  expect(await failure(() => reader([]))).toContain('unet/config.json: the file must hold a JSON object, not []');
});

test('long values are cut in messages, and what a parser says is one line', async () => {
  const long = await failure(() => reader({ a: 'x'.repeat(100) }).integer('a'));
  expect(long).toContain(`not "${'x'.repeat(56)}...; `);
  expect(await failure(() => reader({ a: 'x'.repeat(58) }).integer('a'))).toContain(`not "${'x'.repeat(58)}"; `);
  expect(await failure(() => parseJson('{"a":\n\n  ?', 'f'))).toMatch(/^f: is not valid JSON \(\S+ .+\); fetch/);
  const nest = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
  expect(parseJson(nest(64), 'f')).toHaveLength(1);
  expect(await failure(() => parseJson(nest(66), 'f'))).toContain('nested more than 64 levels');
});
