/** Configurations, generated: sound ones read as they were made, damaged ones are refused or read as what they say. */
import fc from 'fast-check';
import { readSchedule } from '../../engine/diffusion/schedule';
import { readClipTextConfig } from '../../engine/nets/clip-text-config';
import { readUNetConfig } from '../../engine/nets/unet-config';
import { readVaeConfig } from '../../engine/nets/vae-config';
import { valueOrInputError } from '../weights/support';

const unet = fc
  .record({
    levels: fc.array(
      fc.record({
        width: fc.constantFrom(8, 16, 32, 64),
        attends: fc.boolean(),
        layers: fc.integer({ min: 1, max: 3 }),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    heads: fc.constantFrom(1, 2, 4, 8),
    cross: fc.integer({ min: 1, max: 2048 }),
    size: fc.integer({ min: 1, max: 256 }),
    linear: fc.boolean(),
    channels: fc.integer({ min: 1, max: 16 }),
  })
  .map((made) => ({
    made,
    json: {
      block_out_channels: made.levels.map(({ width }) => width),
      down_block_types: made.levels.map(({ attends }) => (attends ? 'CrossAttnDownBlock2D' : 'DownBlock2D')),
      up_block_types: made.levels.map(({ attends }) => (attends ? 'CrossAttnUpBlock2D' : 'UpBlock2D')).reverse(),
      layers_per_block: made.levels.map(({ layers }) => layers),
      attention_head_dim: made.heads,
      cross_attention_dim: made.cross,
      sample_size: made.size,
      use_linear_projection: made.linear,
      in_channels: made.channels,
      out_channels: made.channels,
      norm_num_groups: 4,
    } as Record<string, unknown>,
  }));

test('a sound configuration means what it says', () => {
  fc.assert(
    fc.property(unet, ({ made, json }) => {
      const read = readUNetConfig(json, 'unet/config.json');
      expect(read).toMatchObject({
        ...{ inChannels: made.channels, outChannels: made.channels, sampleSize: made.size },
        ...{ crossAttentionDim: made.cross, linearProjection: made.linear, channels: json['block_out_channels'] },
      });
      expect(read.down.map(({ resnets }) => resnets)).toEqual(json['layers_per_block']);
      expect(read.down.map(({ heads }) => heads)).toEqual(made.levels.map((one) => (one.attends ? made.heads : null)));
      expect(read.up.map(({ channels }) => channels)).toEqual([...read.channels].reverse());
      expect(read.up.map(({ resnets }) => resnets)).toEqual(made.levels.map(({ layers }) => layers + 1).reverse());
    }),
  );
});

/** Every number of a configuration that was read. */
function* numbersOf(value: unknown): Generator<number> {
  if (typeof value === 'number') yield value;
  else if (typeof value === 'object' && value !== null) for (const one of Object.values(value)) yield* numbersOf(one);
}

/** One key of a sound configuration replaced by anything, lists of the right kind with the wrong content among them. */
const damageOf = (keys: readonly string[]): fc.Arbitrary<Record<string, unknown>> =>
  fc.dictionary(
    fc.constantFrom(...keys),
    fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.array(fc.constantFrom(-1, 0, 0.5, 1, 3, 8, 64, 2 ** 24, 1e300), { maxLength: 20 }),
      fc.constantFrom(-1, 0, 0.1, 1e-300, 1, 2 ** 31, 1e15, 1e300, true, 'Infinity', '-Infinity'),
    ),
    { minKeys: 1, maxKeys: 3 },
  );

const UNET_KEYS = [
  ...['sample_size', 'cross_attention_dim', 'block_out_channels', 'layers_per_block', 'attention_head_dim'],
  ...['down_block_types', 'up_block_types', 'in_channels', 'norm_num_groups', 'freq_shift', 'act_fn', 'norm_eps'],
  ...['time_embedding_dim', 'mid_block_type', 'transformer_layers_per_block', 'only_cross_attention'],
  ...['addition_embed_type', 'addition_time_embed_dim', 'projection_class_embeddings_input_dim', '__proto__'],
];

test('a damaged UNet is refused in one line, or holds nothing but sound numbers', async () => {
  await fc.assert(
    fc.asyncProperty(unet, damageOf(UNET_KEYS), async ({ json }, damage) => {
      const config = await valueOrInputError(() => readUNetConfig({ ...json, ...damage }, 'config.json'));
      for (const number of numbersOf(config)) expect(Number.isFinite(number)).toBe(true);
      for (const block of config ? [...config.down, ...config.up] : []) {
        expect(block.transformerLayers).toHaveLength(block.resnets);
        expect(block.channels % (block.heads ?? 1)).toBe(0);
      }
    }),
    { numRuns: 300 },
  );
});

const VAE_KEYS = [
  ...['_class_name', 'block_out_channels', 'encoder_block_out_channels', 'decoder_block_out_channels', 'act_fn'],
  ...['num_encoder_blocks', 'num_decoder_blocks', 'latent_channels', 'scaling_factor', 'shift_factor'],
  ...['layers_per_block', 'norm_num_groups', 'upsampling_scaling_factor', 'in_channels'],
];

test('a damaged autoencoder too; a latent pixel is a whole number of pixels', async () => {
  const kl = { _class_name: 'AutoencoderKL', block_out_channels: [8, 16], norm_num_groups: 4, scaling_factor: 0.2 };
  const tiny = { _class_name: 'AutoencoderTiny', scaling_factor: 1 };
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(kl, tiny), damageOf(VAE_KEYS), async (sound, damage) => {
      const config = await valueOrInputError(() => readVaeConfig({ ...sound, ...damage }, 'config.json'));
      for (const number of numbersOf(config)) expect(Number.isFinite(number)).toBe(true);
      if (config) expect([Number.isInteger(config.downsampling), config.downsampling > 0]).toEqual([true, true]);
    }),
    { numRuns: 300 },
  );
});

const TEXT_KEYS = [
  ...['hidden_size', 'num_attention_heads', 'architectures', 'vocab_size', 'max_position_embeddings', 'hidden_act'],
  ...['intermediate_size', 'num_hidden_layers', 'layer_norm_eps', 'eos_token_id', 'projection_dim'],
];

test('a damaged text encoder too', async () => {
  await fc.assert(
    fc.asyncProperty(damageOf(TEXT_KEYS), async (damage) => {
      const config = await valueOrInputError(() =>
        readClipTextConfig({ hidden_size: 32, num_attention_heads: 4, ...damage }, 'config.json'),
      );
      for (const number of numbersOf(config)) expect(Number.isFinite(number)).toBe(true);
      if (config) expect(config.width % config.heads).toBe(0);
    }),
  );
});

const SCHEDULE_KEYS = [
  ...['beta_start', 'beta_end', 'beta_schedule', 'num_train_timesteps', 'trained_betas', 'prediction_type'],
  ...['rescale_betas_zero_snr', 'steps_offset', 'timestep_spacing', 'lambda_min_clipped', 'set_alpha_to_one'],
];

test('a damaged noise schedule too; the share of the picture that is left falls from at most 1 to no less than 0', async () => {
  const sound = { _class_name: 'DDIMScheduler', num_train_timesteps: 20, beta_start: 0.001, beta_end: 0.02 };
  await fc.assert(
    fc.asyncProperty(damageOf(SCHEDULE_KEYS), async (damage) => {
      const schedule = await valueOrInputError(() => readSchedule({ ...sound, ...damage }, 'config.json'));
      if (!schedule) return;
      expect(schedule.alphasCumprod).toHaveLength(schedule.trainTimesteps);
      let before = 1;
      for (const alpha of schedule.alphasCumprod) {
        expect(alpha).toBeGreaterThanOrEqual(0);
        expect(alpha).toBeLessThanOrEqual(before);
        before = alpha;
      }
    }),
    { numRuns: 300 },
  );
});
