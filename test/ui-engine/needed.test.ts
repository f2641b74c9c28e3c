/** Which of a repository's files are fetched. */
import { InputError } from '../../engine/errors';
import { neededFiles } from '../../engine/weights/needed-files';

const SMALL = [
  'model_index.json',
  'scheduler/scheduler_config.json',
  ...['unet', 'vae', 'text_encoder'].map((net) => `${net}/config.json`),
  ...['vocab.json', 'merges.txt', 'tokenizer_config.json', 'special_tokens_map.json'].map((f) => `tokenizer/${f}`),
];
const needed = (more: readonly string[], without: readonly string[] = []): string[] =>
  neededFiles(
    'hub:org/model',
    [...SMALL, ...more].filter((path) => !without.includes(path)).map((path) => ({ path, size: 10 })),
  ).map(({ path }) => path);
const HALF = ['unet/diffusion_pytorch_model.fp16.safetensors', 'vae/diffusion_pytorch_model.fp16.safetensors'].concat(
  'text_encoder/model.fp16.safetensors',
);
const FULL = HALF.map((path) => path.replace('.fp16', ''));

test('half precision where there is a choice, and nothing that the engine does not read', () => {
  const others = [
    'v1-5-pruned.ckpt',
    'README.md',
    'unet/diffusion_pytorch_model.bin',
    'safety_checker/model.safetensors',
  ];
  expect(needed([...FULL, ...HALF, ...others, 'feature_extractor/config.json'])).toEqual([...SMALL, ...HALF]);
  expect(needed([...FULL, ...others])).toEqual([...SMALL, ...FULL]);
  expect(needed([...FULL.slice(1), HALF[0]!])).toEqual([...SMALL, HALF[0], ...FULL.slice(1)]);
});

test('shards come with their index, of one precision only', () => {
  const shards = (infix: string): string[] =>
    [1, 2].map((n) => `unet/diffusion_pytorch_model${infix}-0000${n}-of-00002.safetensors`);
  const index = 'unet/diffusion_pytorch_model.safetensors.index.json';
  const halfIndex = 'unet/diffusion_pytorch_model.fp16.safetensors.index.json';
  const rest = FULL.slice(1);
  expect(needed([index, ...shards(''), ...shards('.fp16'), ...rest])).toEqual([
    ...SMALL,
    index,
    ...shards(''),
    ...rest,
  ]);
  // Of another net in the same folder, or no weights at all.
  const strange = ['unet/draft-00001-of-00002.safetensors', `${shards('')[0]}.txt`];
  expect(needed([index, ...shards(''), ...strange, ...rest])).toEqual([...SMALL, index, ...shards(''), ...rest]);
  const both = needed([index, halfIndex, ...shards(''), ...shards('.fp16'), ...rest]);
  expect(both).toEqual([...SMALL, halfIndex, ...shards('.fp16'), ...rest]);
});

test("SDXL's second text encoder comes too", () => {
  const small = ['text_encoder_2/config.json', 'tokenizer_2/vocab.json', 'tokenizer_2/merges.txt'];
  const second = 'text_encoder_2/model.fp16.safetensors';
  expect(needed([...small, ...HALF, second])).toEqual([...SMALL, ...small, ...HALF, second]);
  expect(() => needed([...small, ...HALF])).toThrow('has no .safetensors weights in text_encoder_2/');
});

test('what is no model is refused with what is missing', () => {
  expect(() => needed(FULL, ['model_index.json'])).toThrow(
    new InputError("hub:org/model has no model_index.json; choose a Stable Diffusion model in diffusers' format"),
  );
  expect(() => needed(['unet/diffusion_pytorch_model.bin', ...FULL.slice(1)])).toThrow(
    'hub:org/model has no .safetensors weights in unet/; choose a model that has them',
  );
});
