/** What a checkpoint in one file tells of its nets, and what is said of files that are of another kind. Values: goldens. */
import { join } from 'node:path';
import { readClipTextConfig } from '../../engine/nets/clip-text-config';
import { readUNetConfig, type UNetBlock, type UNetConfig } from '../../engine/nets/unet-config';
import { readVaeConfig } from '../../engine/nets/vae-config';
import { memoryFolder, type ModelFolder } from '../../engine/weights/folder';
import { fileSource } from '../../engine/weights/node-file';
import { nodeFolder } from '../../engine/weights/node-folder';
import { openSafetensors, readFloats, writeSafetensors } from '../../engine/weights/safetensors';
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

const OPEN_CLIP = 'conditioner.embedders.1.model.';

/** A checkpoint of the goldens as tensors, under the names that `rename` gives them; those without one are left out. */
async function tensorsOf(name: string, rename: (key: string) => string | undefined) {
  const file = await openSafetensors(await fileSource(join(CASES, `${name}-single-file/checkpoint.safetensors`)));
  const kept = [...file.tensors.values()].flatMap(({ name: key, shape }) => {
    const to = rename(key);
    return to === undefined ? [] : [{ key, to, shape }];
  });
  return Promise.all(
    kept.map(async ({ key, to, shape }) => ({
      ...{ name: to, dtype: 'F32' as const, shape, data: await readFloats(file, key) },
    })),
  );
}

const open = (tensors: Parameters<typeof writeSafetensors>[0], beside: ModelFolder = nothing): Promise<ModelFolder> =>
  singleFileFolder(bytesSource('f.safetensors', writeSafetensors(tensors)), beside);

test('Stable Diffusion 2: the last layer of its text encoder is not used, and what it predicts must be said', async () => {
  const nets = await tensorsOf('sd1', (key) => (/^(model|first_stage_model)\./.test(key) ? key : undefined));
  const clip = await tensorsOf('sdxl', (key) =>
    key.startsWith(OPEN_CLIP) ? key.replace(OPEN_CLIP, 'cond_stage_model.model.') : undefined,
  );
  const folder = await open([...nets, ...clip]);
  const layers = new Set(clip.flatMap(({ name }) => /resblocks\.(\d+)/.exec(name)?.[1] ?? [])).size;
  expect(await folder.json('model_index.json')).toEqual({ _class_name: 'StableDiffusionPipeline' });
  const config = await folder.json('text_encoder/config.json');
  expect(config).toMatchObject({ num_hidden_layers: layers - 1, hidden_act: 'gelu' });
  expect(config).not.toHaveProperty('projection_dim');
  expect(await folder.json('tokenizer/tokenizer_config.json')).toMatchObject({ pad_token: '!' });
  expect(await inputError(folder.json('scheduler/scheduler_config.json'))).toMatch(
    /does not say whether it predicts noise or v; put scheduler\/scheduler_config\.json of its model into m$/,
  );

  // Queries, keys and values lie in one matrix.
  const weights = await folder.weights!('text_encoder');
  const joined = clip.find(({ name }) => name.endsWith('resblocks.0.attn.in_proj_weight'))!;
  const third = joined.data.length / 3;
  for (const [i, name] of ['q_proj', 'k_proj', 'v_proj'].entries()) {
    const { file, entry } = weights.get(`text_model.encoder.layers.0.self_attn.${name}.weight`)!;
    expect(entry.shape).toEqual([joined.shape[0]! / 3, joined.shape[1]]);
    const bytes = await file.source.read(entry.offset, entry.length);
    expect(new Float32Array(bytes.slice().buffer)).toEqual(joined.data.slice(i * third, (i + 1) * third));
  }
  expect(weights.names().filter((name) => name.includes(`layers.${layers - 1}.`))).toEqual([]);
});

test('schedules and tokenizers are those that the models were published with', async () => {
  const sd1 = await open(await tensorsOf('sd1', (key) => key));
  expect(await sd1.json('scheduler/scheduler_config.json')).toMatchObject({
    ...{ _class_name: 'PNDMScheduler', set_alpha_to_one: false, steps_offset: 1 },
  });
  expect(await sd1.json('tokenizer/tokenizer_config.json')).toMatchObject({ pad_token: '<|endoftext|>' });

  const tensors = await tensorsOf('sdxl', (key) => key);
  const beside = memoryFolder('m', new Map([['tokenizer/vocab.json', new TextEncoder().encode('{}')]]));
  const sdxl = await open(tensors, beside);
  expect(await sdxl.json('model_index.json')).toEqual({ _class_name: 'StableDiffusionXLPipeline' });
  expect(await sdxl.json('scheduler/scheduler_config.json')).toMatchObject({
    ...{ _class_name: 'EulerDiscreteScheduler', prediction_type: 'epsilon', rescale_betas_zero_snr: false },
  });
  expect(await sdxl.json('tokenizer/tokenizer_config.json')).toMatchObject({ pad_token: '<|endoftext|>' });
  expect(await sdxl.json('tokenizer_2/tokenizer_config.json')).toMatchObject({ pad_token: '!' });
  // One vocabulary for both, and what lies beside the file is believed.
  expect(await sdxl.text('tokenizer_2/vocab.json')).toBe('{}');
  expect(await sdxl.has('tokenizer_2/merges.txt')).toBe(false);
  expect(await inputError(sdxl.open('vae/other.json'))).toMatch(/holds nothing that would be vae\/other\.json/);

  // As ComfyUI reads them, empty tensors say that v is predicted.
  const flags = ['v_pred', 'ztsnr'].map((name) => ({
    ...{ name, dtype: 'F32' as const, shape: [0], data: new Float32Array(0) },
  }));
  const v = await open([...tensors, ...flags]);
  expect(await v.json('scheduler/scheduler_config.json')).toMatchObject({
    ...{ prediction_type: 'v_prediction', rescale_betas_zero_snr: true },
  });
});

test.each<[string, string[], RegExp]>([
  ['no checkpoint', ['a.weight'], /is no Stable Diffusion checkpoint in one file/],
  [
    'one text encoder of the two',
    ['model.diffusion_model.input_blocks.0.0.weight', 'conditioner.embedders.1.model.token_embedding.weight'],
    /holds no text encoder/,
  ],
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
