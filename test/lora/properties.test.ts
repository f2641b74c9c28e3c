/** Adapter files of every dialect, generated: sound ones read as they were made, damaged ones never as anything else. */
import fc from 'fast-check';
import { readAdapter, type AdaptedModule } from '../../engine/lora/adapter-file';
import { writeSafetensors, type TensorToWrite } from '../../engine/weights/safetensors';
import { strictSource, valueOrInputError } from '../weights/support';

const NAMES = [
  'down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_q',
  'down_blocks.2.attentions.0.transformer_blocks.0.attn2.to_out.0',
  'mid_block.attentions.0.transformer_blocks.1.ff.net.0.proj',
  'up_blocks.3.attentions.2.proj_out',
];

/** How a dialect names the tensors of a target module; without an alpha it keeps alpha in a LoraConfig. */
const DIALECTS: Readonly<Record<string, (target: string) => { down: string; up: string; alpha?: string }>> = {
  kohya: (target) => {
    const flat = `lora_unet_${target.replaceAll('.', '_')}`;
    return { down: `${flat}.lora_down.weight`, up: `${flat}.lora_up.weight`, alpha: `${flat}.alpha` };
  },
  onetrainer: (target) => ({
    ...{ down: `lora_unet.${target}.lora_down.weight`, up: `lora_unet.${target}.lora_up.weight` },
    alpha: `lora_unet.${target}.alpha`,
  }),
  diffusers: (target) => ({ down: `unet.${target}.lora_A.weight`, up: `unet.${target}.lora_B.weight` }),
  older: (target) => ({ down: `unet.${target}.lora.down.weight`, up: `unet.${target}.lora.up.weight` }),
  peft: (target) => ({
    down: `base_model.model.${target}.lora_A.weight`,
    up: `base_model.model.${target}.lora_B.weight`,
  }),
};

const value = fc.integer({ min: -64, max: 64 }).map((n) => n / 32);
const extent = fc.integer({ min: 1, max: 4 });
const target: fc.Arbitrary<AdaptedModule> = fc
  .tuple(extent, extent, extent, fc.integer({ min: 1, max: 32 }))
  .chain(([rank, inFeatures, outFeatures, alpha]) =>
    fc
      .tuple(
        fc.array(value, { minLength: rank * inFeatures, maxLength: rank * inFeatures }),
        fc.array(value, { minLength: rank * outFeatures, maxLength: rank * outFeatures }),
      )
      .map(([a, b]) => ({
        ...{ rank, alpha, inFeatures, outFeatures },
        ...{ a: Float32Array.from(a), b: Float32Array.from(b) },
      })),
  );

const adapter = fc.record({
  targets: fc
    .tuple(
      fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1 }),
      fc.array(target, { minLength: 4, maxLength: 4 }),
    )
    .map(([names, targets]) => new Map(names.map((name, i) => [name, targets[i]!]))),
  dialect: fc.constantFrom(...Object.keys(DIALECTS)),
  dtype: fc.constantFrom('F32' as const, 'F16' as const),
  kernel: fc.constantFrom([], [1, 1]),
});

type Adapter = typeof adapter extends fc.Arbitrary<infer T> ? T : never;

function tensorsOf({ targets, dialect, dtype, kernel }: Adapter): TensorToWrite[] {
  return [...targets].flatMap(([name, { rank, alpha, a, b, inFeatures, outFeatures }]) => {
    const keys = DIALECTS[dialect]!(name);
    return [
      { name: keys.down, dtype, shape: [rank, inFeatures, ...kernel], data: a },
      { name: keys.up, dtype, shape: [outFeatures, rank, ...kernel], data: b },
      ...(keys.alpha ? [{ name: keys.alpha, dtype, shape: [], data: Float32Array.of(alpha) }] : []),
    ];
  });
}

/** Where the keys have no place for alpha, and the ranks differ: a LoraConfig as diffusers and PEFT write it. */
function configOf({ targets, dialect }: Adapter): Record<string, string> {
  if (DIALECTS[dialect]!('a').alpha) return {};
  const pattern = (key: 'rank' | 'alpha'): object =>
    Object.fromEntries([...targets].map(([name, one]) => [`^${name}`, one[key]]));
  const config = { r: 8, lora_alpha: 1000, rank_pattern: pattern('rank'), alpha_pattern: pattern('alpha') };
  return { lora_adapter_metadata: JSON.stringify(config) };
}

test('a sound file of any dialect is read as it was made', async () => {
  await fc.assert(
    fc.asyncProperty(adapter, async (made) => {
      const file = await readAdapter(strictSource(writeSafetensors(tensorsOf(made), configOf(made))));
      expect(file.ignored).toEqual([]);
      expect(new Map([...file.targets].sort())).toEqual(new Map([...made.targets].sort()));
    }),
    { numRuns: 150 },
  );
});

test('a damaged file is refused, or what is read of it is right', async () => {
  const damage = fc.oneof(
    fc.record({ kind: fc.constant('lost' as const), at: fc.nat() }),
    fc.record({ kind: fc.constant('renamed' as const), at: fc.nat(), name: fc.string({ maxLength: 40 }) }),
    fc.record({ kind: fc.constant('turned' as const), at: fc.nat() }),
    fc.record({ kind: fc.constant('flattened' as const), at: fc.nat() }),
    fc.record({ kind: fc.constant('doubled' as const), at: fc.nat() }),
    fc.record({ kind: fc.constant('not finite' as const), at: fc.nat() }),
  );
  await fc.assert(
    fc.asyncProperty(adapter, damage, async (made, harm) => {
      const tensors = tensorsOf(made);
      const at = harm.at % tensors.length;
      const one = tensors[at]!;
      const changed = ((): TensorToWrite[] => {
        switch (harm.kind) {
          case 'lost':
            return [];
          case 'renamed':
            return [{ ...one, name: `x${harm.name}` }];
          case 'turned':
            return [{ ...one, shape: [...one.shape].reverse() }];
          case 'flattened':
            return [{ ...one, shape: [one.data.length] }];
          case 'doubled':
            return [one, { ...one, name: `${one.name}.default` }];
          case 'not finite':
            return [{ ...one, data: one.data.map((x, i) => (i === 0 ? NaN : x)) as Float32Array }];
        }
      })();
      const bytes = writeSafetensors(tensors.toSpliced(at, 1, ...changed), configOf(made));
      const file = await valueOrInputError(() => readAdapter(strictSource(bytes)));
      for (const [name, read] of file?.targets ?? []) {
        const { alpha, ...matrices } = made.targets.get(name)!;
        const square = harm.kind === 'turned' && one.shape.length === 2 && one.shape[0] === one.shape[1];
        if (harm.kind === 'turned' && !square && !one.shape.every((n) => n === 1)) {
          // A 1x1 kernel turned round is a larger convolution, a matrix turned round has another rank.
          const isThis = [DIALECTS[made.dialect]!(name).down, DIALECTS[made.dialect]!(name).up].includes(one.name);
          if (isThis && read.rank === matrices.rank) throw new Error(`${name} was read though it is damaged`);
          if (isThis) continue;
        }
        const { alpha: readAlpha, ...found } = read;
        expect(found).toEqual(matrices);
        // An alpha that is not there means the rank, in every dialect.
        expect([alpha, read.rank]).toContain(readAlpha);
      }
    }),
    { numRuns: 400 },
  );
});
