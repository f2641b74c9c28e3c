/**
 * The embedded model's work in our engine, as a worker for run.mjs: `JOB COUNT` in, a JSON line of times (ms) out.
 *
 *   node step.mjs MODEL THREADS RANK
 */
import { createInterface } from 'node:readline';
import { styleGuidance } from '../../engine/diffusion/guidance';
import { openModel, type DiffusionModel } from '../../engine/diffusion/model';
import { downShape, packedSize, upShape } from '../../engine/lora/packing';
import { attentionTargets } from '../../engine/lora/target-modules';
import { makeRecipe, type Recipe } from '../../engine/learn/recipe';
import { Trainer, type TrainingData } from '../../engine/learn/trainer';
import { openPipeline, type Pipeline } from '../../engine/pipeline';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { openRuntime } from '../../engine/runtime/runtime';
import { sizeOf, type Shape } from '../../engine/tensor/shape';
import { f32, zeros, type HostTensor } from '../../engine/tensor/tensor';
import { nodeFolder } from '../../engine/weights/node-folder';

const TIMESTEP = 500;

/** One step of a job. A training step with given noise resolves with its losses, which run.mjs compares. */
type Step = (noise?: HostTensor<'f32'>) => Promise<readonly number[] | void>;

interface Setting {
  readonly pipeline: Pipeline;
  readonly rank: number;
  /** [1, C, h, w] */
  readonly latents: Shape;
  readonly context: Shape;
}

/** Numbers both programs can make: sqrt(2) sin of multiples of `step`. */
function wave(shape: Shape, step: number): HostTensor<'f32'> {
  return f32(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.SQRT2 * Math.sin((i + 1) * step)),
    shape,
  );
}

/** Row `i` of a [2, ...] tensor. */
function row(tensor: HostTensor<'f32'>, i: number): HostTensor<'f32'> {
  const shape = [1, ...tensor.shape.slice(1)];
  return f32(tensor.data.slice(i * sizeOf(shape), (i + 1) * sizeOf(shape)), shape);
}

/** A step of the joint phase, or of the content-only phase before it. */
function train({ pipeline, rank, latents, context }: Setting, which: 'joint' | 'content' = 'joint'): Step {
  const { model, runtime, programs } = pipeline;
  const targets = attentionTargets(pipeline.denoiser.targets);
  const recipe: Recipe = makeRecipe({ before: EMPTY, after: EMPTY, prompt: '', style: '', rank });
  const contexts = wave([2, ...context.slice(1)], 0.3);
  const data: TrainingData = {
    pairs: [{ before: wave(latents, 0.7), after: wave(latents, 1.1) }],
    contexts: {
      base: { context: row(contexts, 0), pooled: null },
      style: { context: row(contexts, 1), pooled: null },
    },
  };
  const trainer = new Trainer(model, runtime, programs, targets, recipe, data);
  const phase = recipe.phases.at(which === 'joint' ? -1 : 0)!;
  let n = 0;
  return async (noise) => {
    const draw = trainer.draw(n, phase);
    const { losses } = await trainer.step(phase, n++, noise ? { timestep: TIMESTEP, noise, share: 1, pair: 0 } : draw);
    return [...losses];
  };
}

const EMPTY = { width: 0, height: 0, data: new Uint8ClampedArray(0) };

async function guided({ pipeline: { denoiser, runtime }, rank, latents }: Setting): Promise<Step> {
  const targets = attentionTargets(denoiser.targets);
  const adapters = await denoiser.load({
    targets,
    ranks: [rank],
    down: wave([packedSize(targets, downShape(rank))], 0.2).data,
    up: new Float32Array(packedSize(targets, upShape(rank))),
  });
  const rows = styleGuidance('a red apple', [{ prompt: 'a red apple in test style', strength: 1 }], 1);
  const path = await runtime.upload(wave(latents, 0.7));
  const output = await runtime.upload(wave(latents, 0.9));
  let deviation = await runtime.upload(zeros(latents));
  return async () => {
    const move = { sample: 0.5, output: -0.1 };
    const next = await denoiser.deviate(path, output, deviation, TIMESTEP, move, rows, adapters);
    deviation.dispose();
    deviation = next;
  };
}

async function invert({ pipeline: { denoiser, runtime }, latents }: Setting): Promise<Step> {
  const from = await runtime.upload(wave(latents, 0.7));
  return async () => {
    const { output, next } = await denoiser.invert(from, from, TIMESTEP, { from: 1, point: 0, output: 0.1 }, '');
    output.dispose();
    next.dispose();
  };
}

async function encode({ pipeline: { autoencoder, model }, latents }: Setting): Promise<Step> {
  const side = latents[3]! * model.vae.config.downsampling;
  const image = wave([1, 3, side, side], 0.2);
  return async () => (await autoencoder.encode(image)).dispose();
}

async function decode({ pipeline: { autoencoder, runtime }, latents }: Setting): Promise<Step> {
  const both = await runtime.upload(wave([2, ...latents.slice(1)], 0.7));
  return async () => void (await autoencoder.decode(both));
}

function text({ pipeline }: Setting): Step {
  let n = 0;
  // A new prompt every time: embeddings are remembered.
  return async () => void (await pipeline.text.embed([`prompt ${n++}`]));
}

const JOBS: Readonly<Record<string, (setting: Setting) => Step | Promise<Step>>> = {
  content: (setting) => train(setting, 'content'),
  train: (setting) => train(setting),
  invert,
  guided,
  encode,
  decode,
  text,
};

async function open(model: DiffusionModel, threads: number, rank: number): Promise<Setting> {
  const { config } = model.unet;
  const runtime = await openRuntime(nodeBackend, { threads });
  return {
    pipeline: openPipeline(model, runtime),
    rank,
    latents: [1, config.inChannels, config.sampleSize, config.sampleSize],
    context: [1, model.texts[0].tokenizer.maxLength, config.crossAttentionDim],
  };
}

/** Wall and processor time of a call, ms. */
async function timed<T>(call: () => Promise<T>): Promise<{ result: T; wall: number; cpu: number }> {
  const start = performance.now();
  const used = process.cpuUsage();
  const result = await call();
  const { user, system } = process.cpuUsage(used);
  return { result, wall: performance.now() - start, cpu: (user + system) / 1e3 };
}

const [folder = '', threads = '2', rank = '16'] = process.argv.slice(2);
const say = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const model = await openModel(await nodeFolder(folder));
const setting = await open(model, Number(threads), Number(rank));
const steps = new Map<string, Step>();
say({ ready: true });

for await (const line of createInterface({ input: process.stdin })) {
  const [name = '', count = '1'] = line.split(' ');
  let step = steps.get(name);
  if (!step) {
    const made = await JOBS[name]!(setting);
    steps.set(name, (step = made));
    // The first step compiles; before any update the losses say that both programs compute the same.
    const { result, wall, cpu } = await timed(() => made(name === 'train' ? wave(setting.latents, 0.5) : undefined));
    say({ losses: result, first: { wall, cpu } });
    continue;
  }
  const times = [];
  for (let i = 0; i < Number(count); i++) times.push(await timed(() => step()));
  say({ wall: times.map(({ wall }) => wall), cpu: times.map(({ cpu }) => cpu) });
}
process.exit();
