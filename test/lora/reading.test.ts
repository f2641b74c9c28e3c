/** Adapter files of many programs: everybody's keys mean the same adapter, and what cannot be applied is named. */
import fc from 'fast-check';
import { joinPeftConfig } from '../../engine/lora/peft-config';
import { readStyle, writeStyle } from '../../engine/restyle/style-file';
import { writeSafetensors, type TensorToWrite } from '../../engine/weights/safetensors';
import { bytesSource } from '../../engine/weights/source';
import { inputError, rawFile, strictSource, valueOrInputError } from '../weights/support';
import { BLOCK, INFO, NAMES, pair, target } from './support';

const read = (tensors: readonly TensorToWrite[], metadata: Record<string, string> = {}, layersPerBlock?: number) =>
  readStyle(
    bytesSource('lora.safetensors', writeSafetensors(tensors, metadata)),
    layersPerBlock ? { layersPerBlock } : {},
  );
const scalar = (name: string, value: number, shape: number[] = []): TensorToWrite => ({
  name,
  dtype: 'F16',
  shape,
  data: Float32Array.of(value),
});

describe('readStyle', () => {
  const [name, one] = [NAMES[1]!, target(2, 3, 4)];
  const flat = `lora_unet_${name.replaceAll('.', '_')}`;
  test.each<[string, string, string]>([
    ['PEFT under unet', `unet.${name}.lora_A.weight`, `unet.${name}.lora_B.weight`],
    [
      'PEFT under unet, wrapped',
      `unet.base_model.model.${name}.lora_A.default.weight`,
      `unet.base_model.model.${name}.lora_B.default.weight`,
    ],
    ['PEFT with no prefix', `${name}.lora_A.weight`, `${name}.lora_B.weight`],
    ['older diffusers', `unet.${name}.lora.down.weight`, `unet.${name}.lora.up.weight`],
    [
      'diffusers processors',
      `unet.${BLOCK}.attn1.processor.to_out_lora.down.weight`,
      `unet.${BLOCK}.attn1.processor.to_out_lora.up.weight`,
    ],
    [
      'diffusers processors, no prefix',
      `${BLOCK}.attn1.processor.to_out_lora.down.weight`,
      `${BLOCK}.attn1.processor.to_out_lora.up.weight`,
    ],
    ['kohya', `${flat}.lora_down.weight`, `${flat}.lora_up.weight`],
    [
      'kohya, original block numbers',
      `lora_unet_input_blocks_2_1_transformer_blocks_0_attn1_to_out_0.lora_down.weight`,
      `lora_unet_input_blocks_2_1_transformer_blocks_0_attn1_to_out_0.lora_up.weight`,
    ],
    [
      'original module paths',
      `diffusion_model.input_blocks.2.1.transformer_blocks.0.attn1.to_out.0.lora_A.weight`,
      `diffusion_model.input_blocks.2.1.transformer_blocks.0.attn1.to_out.0.lora_B.weight`,
    ],
  ])('%s', async (_, down, up) => {
    const file = await read(pair(down, up, one));
    expect([...file.targets]).toEqual([[name, one]]);
    expect(file.ignored).toEqual([]);
  });

  test("alpha: beside the weights, in diffusers' metadata, by pattern, rank-stabilised", async () => {
    const weights = pair(`unet.${name}.lora_A.weight`, `unet.${name}.lora_B.weight`, one);
    const alpha = async (config?: object, extra: TensorToWrite[] = []): Promise<number> =>
      (await read([...weights, ...extra], config && { lora_adapter_metadata: JSON.stringify(config) })).targets.get(
        name,
      )!.alpha;
    expect(await alpha()).toBe(2);
    expect(await alpha(undefined, [scalar(`unet.${name}.alpha`, 0.5)])).toBe(0.5);
    expect(await alpha(undefined, [scalar(`unet.${name}.alpha`, 0.5, [1])])).toBe(0.5);
    expect(await alpha({ 'unet.lora_alpha': 16 })).toBe(16);
    expect(await alpha({ lora_alpha: 16 })).toBe(16);
    expect(await alpha({ 'unet.lora_alpha': 16, 'unet.alpha_pattern': { [name]: 4 } })).toBe(4);
    expect(await alpha({ 'unet.lora_alpha': 16, 'unet.alpha_pattern': { 'attn1.to_out.0': 4 } })).toBe(4);
    expect(await alpha({ 'unet.lora_alpha': 16, 'unet.alpha_pattern': { '^to_out.0': 4 } })).toBe(16);
    expect(await alpha({ 'unet.lora_alpha': 16, 'unet.alpha_pattern': { [`^${name}`]: 4 } })).toBe(4);
    expect(await alpha({ 'unet.lora_alpha': 16, 'unet.alpha_pattern': { 'ttn1.to_out.0': 4 } })).toBe(16);
    expect(await alpha({ lora_alpha: 16, alpha_pattern: { 'to_out\\.0': 4, 'attn1.to_out.0': 8 } })).toBe(4);
    expect(await alpha({ 'unet.lora_alpha': 16, 'unet.use_rslora': true })).toBeCloseTo(16 * Math.SQRT2);
    expect(await inputError(alpha({ 'unet.lora_alpha': 'x' }))).toMatch(/alpha of .* is "x"/);
    const ranks = { r: 8, lora_alpha: 16, rank_pattern: { 'attn1.to_out.0': 2 } };
    expect(await alpha(ranks)).toBe(16);
    expect(await alpha({ ...ranks, use_rslora: true })).toBeCloseTo(16 * Math.SQRT2);
    expect(await inputError(alpha({ r: 8, lora_alpha: 16 }))).toMatch(
      /gives .*to_out\.0 rank 8, its weights have rank 2; the config belongs to another file/,
    );
    expect(await inputError(alpha({ alpha_pattern: { '.*to_(q|k)': 4 } }))).toMatch(
      /regular expression ".*to_\(q\|k\)"/,
    );
    expect(await inputError(alpha({ alpha_pattern: [] }))).toMatch(/"alpha_pattern" is \[\], not an object/);
  });

  test.each([
    { peft_type: 'LOHA' },
    { peft_type: 3 },
    { init_lora_weights: 'pissa_niter_4' },
    { init_lora_weights: 'olora' },
    { use_qalora: true },
    { kasa_config: {} },
  ])('what is not plain LoRA is refused: %j', async (config) => {
    const weights = pair(`unet.${name}.lora_A.weight`, `unet.${name}.lora_B.weight`, one);
    expect(await inputError(read(weights, { lora_adapter_metadata: JSON.stringify(config) }))).toMatch(
      /\(LoraConfig\): "\w+" is .*, which is not plain LoRA and not supported; choose a plain LoRA, or convert it in PEFT$/,
    );
    for (const usual of [
      { peft_type: 'LORA' },
      { init_lora_weights: 'gaussian' },
      { use_qalora: false },
      { r: null },
    ]) {
      expect((await read(weights, { lora_adapter_metadata: JSON.stringify(usual) })).targets.get(name)).toEqual(one);
    }
  });

  test("PEFT's own files need their config, or force; DoRA by config alone is none that is applied", async () => {
    const weights = pair(`base_model.model.${name}.lora_A.weight`, `base_model.model.${name}.lora_B.weight`, one);
    const file = writeSafetensors(weights, { format: 'pt' });
    const source = bytesSource('adapter_model.safetensors', file);
    expect(await inputError(readStyle(source))).toBe(
      'adapter_model.safetensors: PEFT keeps how strong its weights are in adapter_config.json, which is not beside them; give it too, in one folder with the weights, or force them (--force)',
    );
    expect((await readStyle(source, { force: true })).targets.get(name)).toEqual(one);
    const join = async (config: unknown) =>
      readStyle(
        bytesSource(
          'a',
          await joinPeftConfig('a', file, 'adapter_config.json', new TextEncoder().encode(JSON.stringify(config))),
        ),
      );
    const joined = await join({ peft_type: 'LORA', r: 2, lora_alpha: 0.5 });
    expect(joined.targets.get(name)).toEqual({ ...one, alpha: 0.5 });
    expect(joined.metadata['format']).toBe('pt');
    expect(await inputError(join({ r: 2, use_dora: true }))).toMatch(/holds no LoRA .*to_out\.0 is DoRA/);
    expect(await inputError(join([]))).toMatch(/^adapter_config\.json: must be a JSON object/);
    expect((await read([...weights, scalar(`base_model.model.${name}.alpha`, 0.5)])).targets.get(name)!.alpha).toBe(
      0.5,
    );
  });

  test('a module in a dtype that is not read is named; one that is not applied stops nothing', async () => {
    const file = writeSafetensors([
      ...pair(`${flat}.lora_down.weight`, `${flat}.lora_up.weight`, one),
      ...pair('lora_te_a.lora_down.weight', 'lora_te_a.lora_up.weight', one),
    ]);
    /** Makes the F16 of a file F8 of half the length, in its header only: the data stay where they are. */
    const asF8 = (of: string): Uint8Array => {
      const length = Number(new DataView(file.buffer).getBigUint64(0, true));
      const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as Record<
        string,
        { dtype: string; shape: number[] }
      >;
      for (const [key, value] of Object.entries(header)) {
        if (!key.startsWith(of)) continue;
        const [rows, columns] = value.shape as [number, number];
        Object.assign(value, {
          dtype: 'F8_E4M3',
          shape: key.includes('lora_down') ? [rows, 4 * columns] : [4 * rows, columns],
        });
      }
      const data = file.subarray(8 + length);
      const bytes = rawFile(JSON.stringify(header), data.length);
      bytes.set(data, bytes.length - data.length);
      return bytes;
    };
    expect((await readStyle(bytesSource('f', asF8('lora_te')))).targets.get(name)).toEqual(one);
    expect(await inputError(readStyle(bytesSource('f', asF8('lora_unet'))))).toMatch(
      /^f: tensor "lora_unet_.* is F8_E4M3, which is not read; convert the weights/,
    );
  });

  test('1×1 convolutions are matrices, larger ones are named and left out', async () => {
    const proj = 'down_blocks.0.attentions.0.proj_in';
    const file = await read([
      ...pair(`unet.${proj}.lora_A.weight`, `unet.${proj}.lora_B.weight`, one, [1, 1]),
      {
        name: 'unet.mid_block.attentions.0.proj_out.lora_A.weight',
        dtype: 'F32',
        shape: [2, 1, 3, 3],
        data: new Float32Array(18),
      },
      {
        name: 'unet.mid_block.attentions.0.proj_out.lora_B.weight',
        dtype: 'F32',
        shape: [1, 2, 1, 1],
        data: new Float32Array(2),
      },
    ]);
    expect([...file.targets]).toEqual([[proj, one]]);
    expect(file.ignored).toEqual([
      { module: 'mid_block.attentions.0.proj_out', reason: 'a convolution larger than 1×1' },
    ]);
  });

  test('what cannot be applied is named with the reason', async () => {
    const good = pair(`${flat}.lora_down.weight`, `${flat}.lora_up.weight`, one);
    const loose = (key: string): TensorToWrite => ({
      name: key,
      dtype: 'F32',
      shape: [1, 1],
      data: new Float32Array(1),
    });
    const file = await read(
      [
        'lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight',
        'text_encoder_2.text_model.encoder.layers.0.mlp.fc1.lora_A.weight',
        'lora_unet_down_blocks_0_resnets_0_conv1.lora_down.weight',
        'lora_unet_down_blocks_1_resnets_0_time_emb_proj.lora_down.weight',
        'lora_unet_mid_block_attentions_0_proj_in.hada_w1_a',
        'lora_unet_mid_block_attentions_0_proj_in.hada_w1_b',
        'unet.mid_block.attentions.0.proj_out.lora_A.weight',
        'unet.mid_block.attentions.0.proj_out.lora_magnitude_vector.weight',
        'something.else',
      ]
        .map(loose)
        .concat(good),
    );
    expect([...file.targets.keys()]).toEqual([name]);
    expect(file.ignored.map(({ module, reason }) => `${module}: ${reason}`).sort()).toMatchInlineSnapshot(`
     [
       "down_blocks.0.resnets.0.conv1: outside the transformers of a UNet",
       "down_blocks.1.resnets.0.time_emb_proj: outside the transformers of a UNet",
       "lora_te_text_model_encoder_layers_0_self_attn_q_proj: part of a text encoder",
       "mid_block.attentions.0.proj_in: LoHa",
       "mid_block.attentions.0.proj_out: DoRA",
       "something.else: not plain LoRA",
       "text_encoder_2.text_model.encoder.layers.0.mlp.fc1: part of a text encoder",
     ]
    `);
  });

  test('the same module under two names is left out, not chosen between', async () => {
    const twice = [
      ...pair(`${flat}.lora_down.weight`, `${flat}.lora_up.weight`, one),
      ...pair(`unet.${name}.lora_A.weight`, `unet.${name}.lora_B.weight`, one),
    ];
    expect(await inputError(read(twice))).toMatch(/given twice/);
  });

  const down = (shape: number[], value = 0): TensorToWrite => ({
    name: `unet.${name}.lora_A.weight`,
    dtype: 'F32',
    shape,
    data: new Float32Array(shape.reduce((n, d) => n * d, 1)).fill(value),
  });
  const up = (shape: number[]): TensorToWrite => ({ ...down(shape), name: `unet.${name}.lora_B.weight` });
  test.each<[string, TensorToWrite[], RegExp]>([
    ['nothing', [], /lora\.safetensors: holds no LoRA for a Stable Diffusion UNet; choose/],
    ['only a model', [{ ...down([1]), name: 'conv_in.weight' }], /holds no LoRA .*conv_in\.weight is not plain LoRA/],
    ['a missing half', [down([2, 3])], /attn1\.to_out\.0 has no up/],
    ['another missing half', [up([3, 2])], /has no down/],
    ['ranks that differ', [down([2, 3]), up([4, 3])], /has rank 2 in lora_A and 3 in lora_B/],
    ['a vector', [down([6]), up([4, 2])], /lora_A of shape \[6\]/],
    ['an empty matrix', [down([0, 3]), up([4, 0])], /lora_A of shape \[0, 3\]/],
    ['NaN', [down([2, 3], NaN), up([4, 2])], /not finite/],
    ['an infinite alpha', [down([2, 3]), up([4, 2]), scalar(`unet.${name}.alpha`, Infinity)], /not finite/],
    [
      'two alphas',
      [down([2, 3]), up([4, 2]), { ...scalar(`unet.${name}.alpha`, 1, [2]), data: new Float32Array(2) }],
      /not one number/,
    ],
  ])('refuses %s', async (_, tensors, message) => {
    expect(await inputError(read(tensors))).toMatch(message);
  });

  test('refuses a style of another format', async () => {
    const weights = pair(`unet.${name}.lora_A.weight`, `unet.${name}.lora_B.weight`, one);
    expect(await inputError(read(weights, { diptych_format: '2' }))).toMatch(/update Diptych/);
    expect((await read(weights)).info).toBeUndefined();
  });

  test.each([
    {
      key: 'scale',
      unsaid: 2,
      said: { '0.25': 0.25, '10': 10 },
      wrong: ['0', '-1', '10.1', 'NaN', 'Infinity', 'two', ''],
      range: 'above 0 and at most 10',
    },
    {
      key: 'backgroundExtent',
      unsaid: null,
      said: { '0': 0, '0.125': 0.125, '1': 1 },
      wrong: ['-0.1', '1.1', 'NaN', 'far', ''],
      range: 'from 0 to 1',
    },
  ] as const)('$key of a style: $unsaid where it does not say; only a number $range is read', async (about) => {
    const entry = about.key === 'scale' ? 'diptych_scale' : 'diptych_ground_reach';
    const weights = pair(`unet.${name}.lora_A.weight`, `unet.${name}.lora_B.weight`, one);
    const valueOf = async (metadata: Record<string, string>): Promise<number | null> =>
      (await read(weights, { diptych_format: '1', ...metadata })).info![about.key];
    expect(await valueOf({})).toBe(about.unsaid);
    for (const [text, value] of Object.entries(about.said)) expect(await valueOf({ [entry]: text })).toBe(value);
    for (const text of about.wrong) {
      expect(await inputError(valueOf({ [entry]: text }))).toBe(
        `lora.safetensors: "${entry}" is "${text}", not a number ${about.range}; learn the style again`,
      );
    }
  });

  test('a filter is read as it was written; one of another length or with other than small numbers is refused', async () => {
    const weights = pair(`unet.${name}.lora_A.weight`, `unet.${name}.lora_B.weight`, one);
    const said = (text: string) => read(weights, { diptych_format: '1', diptych_repainting: text });
    const numbers = INFO.filter!.colour!.join(' ');
    expect((await said(numbers)).info!.filter).toEqual(INFO.filter);
    const wrong = ['', '1', `${numbers} 1`, numbers.replace('0.5', 'NaN'), numbers.replace('0.5', '1e9'), 'null'];
    for (const text of wrong) {
      expect(await inputError(said(text))).toMatch(
        /^lora.safetensors: "diptych_repainting" is .*, not 18 or 102 or 454 numbers of at most 1000; learn the style again$/,
      );
    }
  });

  test('damaged adapters: read, or an InputError', async () => {
    const whole = writeStyle(new Map([[name, one]]), INFO, { keys: 'kohya' });
    const change = fc.tuple(fc.integer({ min: 0, max: whole.length - 1 }), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = whole.slice();
        for (const [at, value] of changes) bytes[at] = value;
        await valueOrInputError(() => readStyle(strictSource(bytes)));
      }),
      { numRuns: 500 },
    );
  });
});
