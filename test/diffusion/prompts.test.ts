/** Prompts too long for the text encoder: the style's name survives, and what is cut is said. */
import fc from 'fast-check';
import { join } from 'node:path';
import { cutWarning, fitPrompt } from '../../engine/diffusion/prompts';
import { loadTokenizer, type PromptTokenizer } from '../../engine/nets/tokenizer';
import { nodeFolder } from '../../engine/weights/node-folder';
import type { Progress } from '../../engine/requests';
import { BLUE, PALE, RED, drawing, tinyEngine } from '../support/tiny-engine';
import { inputError } from '../weights/support';

let tokenizer: PromptTokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer(await nodeFolder(join(__dirname, '../fixtures/tiny-model')), 'tokenizer');
});

test('what fits is left alone', () => {
  expect(fitPrompt(tokenizer, '', '')).toEqual({ prompt: '', cut: '' });
  expect(fitPrompt(tokenizer, ' a  red apple', ' in ink style')).toEqual({ prompt: ' a  red apple', cut: '' });
});

test('the longest beginning in whole words that leaves room, whatever the words', () => {
  const word = fc.string({ minLength: 1, maxLength: 9 }).filter((text) => /^\S+$/.test(text) && !text.includes('<|'));
  fc.assert(
    fc.property(fc.array(word, { maxLength: 40 }), fc.constantFrom('', ' in ink style'), (words, suffix) => {
      const asked = words.join(' ');
      const { prompt, cut } = fitPrompt(tokenizer, asked, suffix);
      const room = tokenizer.maxLength - 2;
      expect([prompt, cut].filter((part) => part !== '').join(' ')).toBe(asked);
      expect(tokenizer.count(prompt) + tokenizer.count(suffix)).toBeLessThanOrEqual(room);
      const one = cut.split(' ')[0]!;
      if (cut !== '') expect(tokenizer.count(`${prompt} ${one}`) + tokenizer.count(suffix)).toBeGreaterThan(room);
    }),
    { numRuns: 30 },
  );
});

test('a name that does not fit by itself is refused; a long cut is shown short', async () => {
  const name = ` in ${'very '.repeat(100)}style`;
  expect(await inputError(Promise.resolve().then(() => fitPrompt(tokenizer, 'a', name)))).toMatch(
    /^the style's name is longer than the text encoder reads \(\d+ tokens\); give it a shorter one$/,
  );
  expect(cutWarning(tokenizer, 'x'.repeat(81))).toMatch(/tokens\); left out: “x{79}…”$/);
  expect(cutWarning(tokenizer, 'x'.repeat(80))).toMatch(/“x{80}”$/);
});

test('learning and restyling with a prompt that is too long: said once, and the style still acts by its name', async () => {
  const engine = await tinyEngine();
  const warnings: string[] = [];
  const hooks = { onProgress: ({ warning }: Progress) => void (warning !== undefined && warnings.push(warning)) };
  const prompt = `${'disc '.repeat(100)}end`;
  const pair = { before: drawing(32, 32, RED, PALE), after: drawing(32, 32, BLUE, PALE) };
  const settings = { mode: 'paper', contentSteps: 0, steps: 2, rank: 2, learningRate: 0.05 } as const;
  const { style } = await engine.learn({ ...pair, ...settings, prompt, style: 'ink' }, hooks);
  const text = new TextDecoder('latin1').decode(style);
  expect(text).toMatch(/"diptych_style_prompt":"(disc )+in ink style"/);
  expect(warnings).toEqual([expect.stringMatching(/^the prompt is longer .*; left out: “(disc )+.*”$/)]);
  const asked = { image: pair.before, styles: [{ file: style, strength: 1 }], steps: 2 };
  const long = await engine.restyle({ ...asked, prompt }, hooks);
  expect(warnings).toHaveLength(2);
  // Were the name cut off, base and style prompt would be one, as with a style that has another name.
  const kept = fitPrompt(tokenizer, prompt.trim(), ' in ink style').prompt;
  expect(long.data).toEqual((await engine.restyle({ ...asked, prompt: kept }, hooks)).data);
  expect(warnings).toHaveLength(2);
  await engine.dispose();
});
