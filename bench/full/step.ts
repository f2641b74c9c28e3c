/**
 * One piece of work on a model of real size in our engine: `node step.mjs MODEL JOB SIZE RANK OUT [--once]`. Writes the results
 * to OUT (safetensors) and prints a JSON line with the processor time of a first and a second run, in seconds.
 */
import { writeFile } from 'node:fs/promises';
import { styleGuidance } from '../../engine/diffusion/guidance';
import { pooledWidth, type Conditioning } from '../../engine/diffusion/conditioning';
import { diskStore } from '../../cli/inputs/eight-bit-cache';
import { openInEightBit } from '../../engine/diffusion/eight-bit';
import { openModel } from '../../engine/diffusion/model';
import { readAndDispose } from '../../engine/diffusion/autoencoder';
import { Denoiser, type PromptEncoder } from '../../engine/diffusion/denoiser';
import { downShape, packMatrices, unpackMatrices, upShape } from '../../engine/lora/packing';
import { attentionTargets, type TargetModule } from '../../engine/lora/target-modules';
import { packedDown } from '../../engine/learn/adapters';
import { makeRecipe } from '../../engine/learn/recipe';
import { Trainer } from '../../engine/learn/trainer';
import { openPipeline } from '../../engine/pipeline';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { openRuntime } from '../../engine/runtime/runtime';
import { sizeOf, type Shape } from '../../engine/tensor/shape';
import { f32, zeros, type HostTensor } from '../../engine/tensor/tensor';
import { fileSource } from '../../engine/weights/node-file';
import { nodeFolder } from '../../engine/weights/node-folder';
import { openSafetensors, readFloats, writeSafetensors, type TensorToWrite } from '../../engine/weights/safetensors';

const TIMESTEP = 500;
const [folder = '', job = '', side = '512', rankText = '64', out = ''] = process.argv.slice(2);
const rank = Number(rankText);

type Results = Record<string, HostTensor<'f32'>>;

/** Numbers both programs can make: sqrt(2) sin of multiples of `step`. */
function wave(shape: Shape, step: number, scale = 1): HostTensor<'f32'> {
  const data = new Float32Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = scale * Math.SQRT2 * Math.sin((i + 1) * step);
  return f32(data, shape);
}

/** The value of an option; undefined where it is not given. */
const option = (name: string): string | undefined =>
  process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined;

const stored = await openModel(await nodeFolder(folder));
const store = diskStore({ err: (text) => process.stderr.write(text), interactive: false });
const model = option('--weights') === '8-bit' ? await openInEightBit(stored, store) : stored;
const runtime = await openRuntime(nodeBackend, { threads: 2 });
const pipeline = openPipeline(model, runtime);
pipeline.programs.keep = option('--keep') === 'nothing' ? 'nothing' : 'products';
const { unet, vae } = model;
const pixels = vae.config.downsampling;
const latents: Shape = [1, unet.config.inChannels, Number(side) / pixels, Number(side) / pixels];
const tokens = model.texts[0].tokenizer.maxLength;

/** Row `i` of what stands for the prompts' embeddings. */
function conditioning(i: number): Conditioning {
  const width = pooledWidth(unet.config);
  return {
    context: wave([1, tokens, unet.config.crossAttentionDim], 0.3 + i / 10),
    pooled: width > 0 ? wave([1, width], 0.4 + i / 10) : null,
  };
}

/** Every target module's up-projection, small enough not to shake the net. */
const up = (target: TargetModule): Float32Array => wave(upShape(rank)(target), 0.11, 0.01).data;

function train(): () => Promise<Results> {
  const targets = attentionTargets(pipeline.denoiser.targets);
  const empty = { width: 0, height: 0, data: new Uint8ClampedArray(0) };
  const recipe = makeRecipe({ before: empty, after: empty, prompt: '', style: '', rank, mode: 'paper' });
  const trainer = new Trainer(model, runtime, pipeline.programs, targets, recipe, {
    pairs: [{ before: wave(latents, 0.7), after: wave(latents, 1.1) }],
    contexts: { base: conditioning(0), style: conditioning(1) },
  });
  const phase = recipe.phases.at(-1)!;
  const draw = { timestep: TIMESTEP, noise: wave(latents, 0.5), share: 1, pair: 0 };
  let first = true;
  return async () => {
    const { losses } = await trainer.step(phase, 0, draw);
    const results: Results = { losses: f32(losses, [2]) };
    if (!first) return results;
    first = false;
    // The first moments after one step from zero are a tenth of the gradients.
    for (const [name, { tensors }] of Object.entries(await trainer.read())) {
      const moments = unpackMatrices(targets, upShape(rank), tensors[1].data);
      for (const target of targets)
        results[`${name}.${target.name}`] = f32(moments.get(target.name)!, upShape(rank)(target));
    }
    const down = packedDown(recipe, targets, phase.adapters);
    const downs = unpackMatrices(targets, downShape(2 * rank), down);
    for (const target of targets)
      results[`down.${target.name}`] = f32(downs.get(target.name)!, downShape(2 * rank)(target));
    return results;
  };
}

async function guided(): Promise<() => Promise<Results>> {
  const prompts = [null, 'base', 'style'];
  const all = prompts.map((_, i) => conditioning(i));
  const text: PromptEncoder = {
    embed: async () => ({
      context: f32(concatenated(all.map(({ context }) => context.data)), [3, ...all[0]!.context.shape.slice(1)]),
      pooled: all[0]!.pooled && f32(concatenated(all.map(({ pooled }) => pooled!.data)), [3, pooledWidth(unet.config)]),
    }),
  };
  const denoiser = new Denoiser(model, runtime, pipeline.programs, text);
  const targets = attentionTargets(denoiser.targets);
  const down = packMatrices(targets, downShape(rank), (target) => wave(downShape(rank)(target), 0.13, 0.1).data);
  const adapters = await denoiser.load({ targets, ranks: [rank], down, up: packMatrices(targets, upShape(rank), up) });
  const rows = styleGuidance('base', [{ prompt: 'style', strength: 3 }], 5);
  return async () => {
    const move = { sample: 0.5, output: -0.1 };
    const next = await denoiser.deviate(
      wave(latents, 0.7),
      wave(latents, 0.9),
      zeros(latents),
      TIMESTEP,
      move,
      rows,
      adapters,
    );
    return { deviation: await readAndDispose(next) };
  };
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

const JOBS: Readonly<Record<string, () => (() => Promise<Results>) | Promise<() => Promise<Results>>>> = {
  train,
  guided,
  encode: () => async () => ({
    latents: await readAndDispose(
      await pipeline.autoencoder.encode(wave([1, 3, Number(side), Number(side)], 0.2, 0.5)),
    ),
  }),
  decode: () => async () => ({ image: await pipeline.autoencoder.decode(await runtime.upload(wave(latents, 0.7))) }),
};

const run = await JOBS[job]!();
const seconds: number[] = [];
let results: Results = {};
for (let i = 0; i < (process.argv.includes('--once') ? 1 : 2); i++) {
  const used = process.cpuUsage();
  const made = await run();
  const { user, system } = process.cpuUsage(used);
  seconds.push((user + system) / 1e6);
  if (i === 0) results = made;
}
const written = Object.entries(results).map(([name, { shape, data }]): TensorToWrite => ({
  name,
  dtype: 'F32',
  shape,
  data,
}));
await writeFile(out, writeSafetensors(written));

/** ||results - others|| / ||others||, by what they are: all gradients as one vector. */
async function relativeErrors(path: string): Promise<Record<string, number>> {
  const others = await openSafetensors(await fileSource(path));
  const sums: Record<string, { off: number; all: number }> = {};
  for (const [name, { data }] of Object.entries(results)) {
    if (name.startsWith('down.')) continue;
    const kind = /^(content|style)\./.test(name) ? 'gradients' : name;
    const expected = await readFloats(others, name);
    const sum = (sums[kind] ??= { off: 0, all: 0 });
    data.forEach((x, i) => {
      sum.off += (x - expected[i]!) ** 2;
      sum.all += expected[i]! ** 2;
    });
  }
  return Object.fromEntries(Object.entries(sums).map(([kind, { off, all }]) => [kind, Math.sqrt(off / all)]));
}

const against = option('--against');
const differences = against && (await relativeErrors(against));
process.stdout.write(`${JSON.stringify({ seconds, ...(differences && { differences }) })}\n`);
process.exit();
