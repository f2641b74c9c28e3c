/** What a checkpoint in one file tells of its nets, and what is said of files that are of another kind. Values: goldens. */
import { join } from 'node:path';
import { readClipTextConfig } from '../../engine/nets/clip-text-config';
import { readUNetConfig, type UNetBlock, type UNetConfig } from '../../engine/nets/unet-config';
import { readVaeConfig } from '../../engine/nets/vae-config';
import { memoryFolder, type ModelFolder } from '../../engine/weights/folder';
import { fileSource } from '../../engine/weights/node-file';
import { nodeFolder } from '../../engine/weights/node-folder';
import { writeSafetensors } from '../../engine/weights/safetensors';
import { singleFileFolder } from '../../engine/weights/single-file/folder';
import { bytesSource } from '../../engine/weights/source';
import { inputError } from './support';

const CASES = join(__dirname, '../goldens/cases/pipeline');
const nothing = memoryFolder('m', new Map());

describe.each(['sd1', 'sdxl'])('%s', (name) => {
  let inferred: ModelFolder;
  let given: ModelFolder;
  beforeAll(async () => {
    const file = await fileSource(join(CASES, `${name}-single-file/checkpoint.safetensors`));
    inferred = await singleFileFolder(file, nothing);
    given = await nodeFolder(join(CASES, name));
  });
  const both = async <T>(path: string, read: (json: unknown, name: string) => T): Promise<[T, T]> => [
    read(await inferred.json(path), path),
    read(await given.json(path), path),
  ];

  test('the shapes tell the configurations', async () => {
    // A small net has neither heads of a published width, nor groups of a published number, nor their size.
    const { attention_head_dim } = (await given.json('unet/config.json')) as Record<string, unknown>;
    const [unet, wanted] = await both('unet/config.json', (json, path) =>
      readUNetConfig({ ...(json as object), attention_head_dim }, path),
    );
    // Depths of blocks without attention say nothing.
    const block = (one: UNetBlock): UNetBlock => ({
      ...one,
      transformerLayers: one.heads ? one.transformerLayers : [],
    });
    const plain = (config: UNetConfig): UNetConfig => ({
      ...config,
      ...{ sampleSize: 0, normGroups: 0, textTime: null },
      down: config.down.map(block),
      up: config.up.map(block),
    });
    expect(plain(unet)).toEqual(plain(wanted));
    expect(unet.textTime?.inputWidth).toBe(wanted.textTime?.inputWidth);

    const [vae, wantedVae] = await both('vae/config.json', readVaeConfig);
    expect({ ...vae, normGroups: 0 }).toEqual({ ...wantedVae, normGroups: 0 });
    for (const part of name === 'sdxl' ? ['text_encoder', 'text_encoder_2'] : ['text_encoder']) {
      const [text, wantedText] = await both(`${part}/config.json`, readClipTextConfig);
      expect({ ...text, heads: 0 }).toEqual({ ...wantedText, heads: 0 });
    }
  });

  test('no tokenizer lies in it', async () => {
    expect(await inputError(inferred.open('tokenizer/vocab.json'))).toMatch(/put the tokenizer folder .* into m$/);
  });
});

test.each<[string, string[], RegExp]>([
  ['no checkpoint', ['a.weight'], /is no Stable Diffusion checkpoint in one file/],
  ['no text encoder', ['model.diffusion_model.input_blocks.0.0.weight'], /holds no text encoder/],
  [
    'a refiner',
    ['model.diffusion_model.input_blocks.0.0.weight', 'conditioner.embedders.0.model.token_embedding.weight'],
    /is an SDXL refiner; choose the base model/,
  ],
])('%s is refused', async (_, names, reason) => {
  const tensors = names.map((name) => ({ name, dtype: 'F32' as const, shape: [1], data: new Float32Array(1) }));
  const source = bytesSource('f.safetensors', writeSafetensors(tensors));
  expect(await inputError(singleFileFolder(source, nothing))).toMatch(reason);
});
