/** The tokenizer against transformers' CLIPTokenizer (goldens from test/goldens/make/tokenizer.py). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../engine/errors';
import { loadTokenizer } from '../../engine/nets/tokenizer';
import { memoryFolder } from '../../engine/weights/folder';

const GOLDENS = join(__dirname, '../goldens/tokenizer');
const file = (name: string): Uint8Array => readFileSync(join(GOLDENS, name));
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

interface Expected {
  readonly texts: readonly string[];
  readonly cases: Readonly<Record<string, Case>>;
}
interface Case {
  readonly config: object;
  readonly special: object | null;
  readonly fast?: boolean;
  readonly pad: number;
  readonly ids: readonly (readonly number[])[];
}

const expected = JSON.parse(file('expected.json').toString()) as Expected;

function folderFor(
  { config, special, fast }: Pick<Case, 'config' | 'special' | 'fast'>,
  replaced: Record<string, Uint8Array | null> = {},
) {
  const files = new Map<string, Uint8Array>([['tokenizer/tokenizer_config.json', encode(config)]]);
  if (special) files.set('tokenizer/special_tokens_map.json', encode(special));
  for (const name of fast ? ['tokenizer.json'] : ['vocab.json', 'merges.txt'])
    files.set(`tokenizer/${name}`, file(name));
  for (const [name, bytes] of Object.entries(replaced)) {
    if (bytes) files.set(`tokenizer/${name}`, bytes);
    else files.delete(`tokenizer/${name}`);
  }
  return memoryFolder('model', files);
}

const sd1 = expected.cases['sd1']!;

describe.each(Object.entries(expected.cases))('%s tokenizer', (_, golden) => {
  test.each(expected.texts.map((text, i) => [text, golden.ids[i]!] as const))('%j', async (text, ids) => {
    const tokenizer = await loadTokenizer(folderFor(golden), 'tokenizer');
    expect(tokenizer.padId).toBe(golden.pad);
    expect(tokenizer.encode(text).ids).toEqual(ids);
  });
});

test("a placeholder maximum length means CLIP's 77", async () => {
  const tokenizer = await loadTokenizer(folderFor({ config: { model_max_length: 1e30 }, special: null }), 'tokenizer');
  expect(tokenizer.encode('a red apple').ids).toHaveLength(77);
});

test('lone surrogates and very long words are encoded, not refused', async () => {
  const tokenizer = await loadTokenizer(folderFor(sd1), 'tokenizer');
  for (const text of ['\ud800', 'a\udc00b', 'x'.repeat(100_000)]) {
    const { ids } = tokenizer.encode(text);
    expect(ids).toHaveLength(77);
    expect(ids.every((id) => Number.isInteger(id))).toBe(true);
  }
});

describe('bad files are refused with one line that says which', () => {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  test.each<[string, Record<string, Uint8Array | null>, RegExp]>([
    ['no vocabulary', { 'vocab.json': null }, /model\/tokenizer: has neither tokenizer.json nor vocab.json/],
    ['no merges', { 'merges.txt': null }, /nor merges.txt/],
    ['vocabulary not JSON', { 'vocab.json': text('{') }, /vocab.json: is not valid JSON/],
    ['vocabulary a list', { 'vocab.json': encode([]) }, /not a CLIP tokenizer/],
    ['a fractional id', { 'vocab.json': encode({ a: 0.5 }) }, /token "a" has id 0.5/],
    ['a huge id', { 'vocab.json': encode({ a: 4e9 }) }, /token "a" has id/],
    ['no special tokens', { 'vocab.json': encode({ a: 0 }) }, /lacks the special token/],
    ['merges of three', { 'merges.txt': text('a b c') }, /merges.txt: every line/],
    ['another kind', { 'tokenizer.json': encode({ model: { type: 'Unigram', vocab: [] } }) }, /not a CLIP tokenizer/],
    ['tokenizer.json a list', { 'tokenizer.json': encode([]) }, /must hold a JSON object/],
    [
      'unknown parts',
      { 'tokenizer.json': encode({ ...JSON.parse(file('tokenizer.json').toString()), normalizer: { type: 'Spell' } }) },
      /no usable tokenizer/,
    ],
    [
      'bad added tokens',
      { 'tokenizer.json': encode({ ...JSON.parse(file('tokenizer.json').toString()), added_tokens: [{ id: -1 }] }) },
      /not an added token/,
    ],
    ['a length of none', { 'tokenizer_config.json': encode({ model_max_length: 0 }) }, /model_max_length/],
  ])('%s', async (_, replaced, message) => {
    const loading = loadTokenizer(folderFor(sd1, replaced), 'tokenizer');
    await expect(loading).rejects.toThrow(InputError);
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.not.toThrow(/\n/);
  });
});
