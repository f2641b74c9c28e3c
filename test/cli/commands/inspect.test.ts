/** `diptych inspect` on small files: what they are, for people and for programs, and what keeps them from being used. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writePairStyle } from '../../../engine/restyle/pair-style-file';
import { writeStyle } from '../../../engine/restyle/style-file';
import { writeSafetensors, type TensorToWrite } from '../../../engine/weights/safetensors';
import { BLOCK, INFO, NAMES, pair, target } from '../../lora/support';
import { drawing, BLUE, PALE, RED } from '../../support/drawing';
import { newDesk } from './desks';

interface Said {
  readonly kind: string;
  readonly facts: Record<string, unknown>;
  readonly parts: Record<string, Record<string, unknown>>;
  readonly problems: string[];
}

/** Inspects bytes in a file; also what is printed for people. */
async function inspect(
  bytes: Uint8Array,
): Promise<{ code: number; said: Said; text: string; json: string; path: string }> {
  const d = newDesk();
  const path = d.at('x.safetensors');
  writeFileSync(path, bytes);
  const { code, out } = await d.run('inspect', path, '--json');
  return { code, said: JSON.parse(out) as Said, text: (await d.run('inspect', path)).out, json: out, path };
}

const lora = (module: string, rank: number, alpha = rank): TensorToWrite[] => [
  ...pair(`unet.${module}.lora_A.weight`, `unet.${module}.lora_B.weight`, target(rank, 3, 5)),
  { name: `unet.${module}.alpha`, dtype: 'F32', shape: [1], data: Float32Array.of(alpha) },
];
const loha = (module: string): TensorToWrite[] =>
  ['hada_w1_a', 'hada_w1_b', 'hada_w2_a', 'hada_w2_b'].map((name) => ({
    ...{ name: `lora_unet_${module.replaceAll('.', '_')}.${name}`, dtype: 'F32' as const, shape: [1] },
    data: Float32Array.of(1),
  }));

test('an adapter: ranges of its ranks, its size, how much of it acts', async () => {
  const { code, said, text } = await inspect(writeSafetensors([...lora(NAMES[0]!, 2, 1), ...lora(NAMES[1]!, 4, 8)]));
  expect(code).toBe(0);
  // 2 and 4 ranks of 3 + 5 features, and two alphas.
  const counted = { tensors: 6, parameters: 50, dtypes: ['F32'], bytes: 200 };
  const coverage = { applied: 2, modules: 2, notApplied: [] };
  expect(said).toMatchObject({
    ...{ kind: 'adapter', problems: [] },
    facts: { rank: '2 to 4', alpha: '1 to 8', modules: 'all 2 modules are applied', coverage, ...counted },
  });
  expect(said.facts).not.toHaveProperty('style');
  expect(text).toMatch(/x\.safetensors: a LoRA adapter\n {2}rank {8}2 to 4\n/);
  expect(text).toMatch(/\n {2}bytes +0\.0 MiB\n/);
  expect(text).not.toMatch(/coverage|undefined|object|metadata/);
  // Its name, and a line for each fact.
  expect(text.trim().split('\n')).toHaveLength(8);
});

test('one of which less than half acts, or nothing can, has a problem', async () => {
  const few = await inspect(writeSafetensors([...lora(NAMES[0]!, 2), ...loha(NAMES[1]!), ...loha(NAMES[2]!)]));
  expect([few.code, few.said.kind]).toEqual([2, 'adapter']);
  expect(few.said.problems).toEqual([expect.stringMatching(/only 1 of 3 modules are applied; not applied: 2 .*LoHa/)]);
  expect(few.text).toMatch(/\n {2}problems\n {4}[^\n]*only 1 of 3/);
  const half = await inspect(writeSafetensors([...lora(NAMES[0]!, 2), ...loha(NAMES[1]!)]));
  expect([half.code, half.said.problems]).toEqual([0, []]);
  const none = await inspect(writeSafetensors(loha(NAMES[0]!)));
  expect([none.code, none.said.kind]).toEqual([2, 'adapter']);
  expect(none.said.problems).toEqual([expect.stringContaining('LoHa')]);
});

test('metadata of others: cut to a line, and nothing in them reaches the terminal as control', async () => {
  const metadata = { ['k'.repeat(50)]: 'v'.repeat(200), title: 'a\nb', evil: '\x1b]0;t\x07\u202e\u009b' };
  const { text, json } = await inspect(writeSafetensors(lora(NAMES[0]!, 2), metadata));
  expect(text).toContain(`\n    ${'k'.repeat(39)}…  ${'v'.repeat(99)}…\n`);
  expect(text).toMatch(/\n {4}title +a b\n/);
  for (const said of [text, json]) expect(said).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]/);
});

test('PEFT: its config is asked for, also when the folder is named, and alpha comes from it', async () => {
  const d = newDesk();
  const file = writeSafetensors(
    pair(`base_model.model.${BLOCK}.attn1.to_q.lora_A.weight`, `base_model.model.${BLOCK}.attn1.to_q.lora_B.weight`, target(4, 3, 5)), // prettier-ignore
  );
  mkdirSync(d.at('peft'));
  writeFileSync(d.at('peft/adapter_model.safetensors'), file);
  writeFileSync(d.at('peft/adapter_config.json'), JSON.stringify({ peft_type: 'LORA', r: 4, lora_alpha: 14 }));
  for (const path of [d.at('peft'), d.at('peft/adapter_model.safetensors')]) {
    const { code, out } = await d.run('inspect', path, '--json');
    expect([code, JSON.parse(out)]).toEqual([0, expect.objectContaining({ kind: 'adapter' })]);
    expect(JSON.parse(out)).toMatchObject({ facts: { rank: '4', alpha: '14' } });
  }
});

test('a style of our own: how it was learned, and on 8-bit weights if it was', async () => {
  const styleOf = async (eightBit: boolean): Promise<Said> =>
    (await inspect(writeStyle(new Map([[NAMES[0]!, target(2, 3, 5)]]), { ...INFO, eightBit }))).said;
  const facts = {
    ...{ style: INFO.style, prompt: INFO.prompt, 'style prompt': INFO.stylePrompt, mode: INFO.mode },
    ...{ 'base model': INFO.baseModel, 'base fingerprint': INFO.modelFingerprint },
  };
  expect(await styleOf(true)).toMatchObject({ kind: 'adapter', facts: { ...facts, 'base weights': '8-bit' } });
  const plain = await styleOf(false);
  expect(plain).toMatchObject({ kind: 'adapter', facts });
  expect(plain.facts).not.toHaveProperty('base weights');
});

test('a checkpoint, and weights that are no adapter', async () => {
  const tensor: TensorToWrite = { name: 'w', dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) };
  const checkpoint = await inspect(writeSafetensors([tensor], { diptych_checkpoint: '1', step: '1234' }));
  expect(checkpoint.said).toMatchObject({ kind: 'checkpoint', facts: { 'steps done': 1234 }, problems: [] });
  expect(checkpoint.text).toMatch(/: a learning checkpoint\n {2}steps done +1,234\n/);
  const plain = await inspect(writeSafetensors([tensor], { title: 'a' }));
  expect([plain.code, plain.said.kind, plain.said.problems]).toEqual([0, 'weights', []]);
  expect(plain.said.parts).toEqual({ metadata: { title: 'a' } });
  // The same bytes called numbers that are not read.
  const bytes = Buffer.from(writeSafetensors([tensor]));
  bytes.write(bytes.toString('latin1').replace('"F32","shape":[2]', '"C64","shape":[1]'), 'latin1');
  const unread = await inspect(bytes);
  expect([unread.code, unread.said.kind]).toEqual([2, 'weights']);
  expect(unread.said.problems).toEqual([
    expect.stringMatching(/x\.safetensors: tensor "w" is C64, which is not read; convert the weights to F16 or F32/),
  ]);
});

test('a style that holds its pairs, whole and damaged', async () => {
  const images = { before: drawing(48, 48, RED, PALE), after: drawing(48, 48, BLUE, PALE) };
  const style = writePairStyle([images], { style: 'ink', modelFingerprint: 'f00d', baseModel: 'net' });
  const whole = await inspect(style);
  expect(whole.said).toMatchObject({
    ...{ kind: 'pairs', problems: [] },
    facts: { style: 'ink', pairs: ['48 x 48 px'], 'base model': 'net', 'base fingerprint': 'f00d' },
    parts: { metadata: {} },
  });
  expect(whole.said.facts['bytes']).toBeGreaterThan(100);
  const damaged = Buffer.from(style);
  damaged.fill(0, damaged.length - 40);
  const broken = await inspect(damaged);
  expect([broken.code, broken.said.kind, broken.said.problems.length]).toEqual([2, 'pairs', 1]);
  expect(broken.said.facts).toHaveProperty('bytes');
});

test('a file that begins like a model and is none is weights with a problem', async () => {
  const key = 'model.diffusion_model.input_blocks.0.0.weight';
  const { code, said } = await inspect(
    writeSafetensors([{ name: key, dtype: 'F32', shape: [1], data: Float32Array.of(1) }], { title: 'a' }),
  );
  expect([code, said.kind, said.problems.length]).toEqual([2, 'weights', 1]);
  expect(said.parts).toEqual({ metadata: { title: 'a' } });
});

test('a model that reads pairs and is damaged; a name that is nothing', async () => {
  const d = newDesk();
  const net = join(__dirname, '../../goldens/cases/pair/one-reference/net');
  mkdirSync(d.at('net'));
  writeFileSync(d.at('net/config.json'), readFileSync(join(net, 'config.json')));
  const broken = await d.run('inspect', d.at('net'), '--json');
  expect(broken.code).toBe(2);
  expect(JSON.parse(broken.out)).toMatchObject({ kind: 'model', facts: {}, parts: {}, problems: [expect.any(String)] });
  const none = await d.run('inspect', d.at('none'));
  expect([none.code, none.err]).toEqual([
    2,
    `diptych: ${d.at('none')}: there is no such file or folder; check the path\n`,
  ]);
});
