/** Golden cases of sampling: guided, inversion, lora-file. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stackRows } from '../../../engine/diffusion/conditioning';
import { Denoiser, unetOutput, unetTargets, type PromptEncoder } from '../../../engine/diffusion/denoiser';
import { styleGuidance } from '../../../engine/diffusion/guidance';
import { invert } from '../../../engine/diffusion/inversion';
import { ddimPath } from '../../../engine/diffusion/inversion-plan';
import { ddim } from '../../../engine/diffusion/samplers/ddim';
import { readSchedule, type Schedule } from '../../../engine/diffusion/schedule';
import { GraphBuilder } from '../../../engine/graph/builder';
import { readAdapter, type AdapterFile, type AdaptedModule } from '../../../engine/lora/adapter-file';
import { stackFiles } from '../../../engine/lora/applied';
import { downShape, unpackValues, upShape } from '../../../engine/lora/packing';
import { multiplierTensor, stackedAdapters } from '../../../engine/lora/stack';
import { joinMatrices } from '../../../engine/diffusion/denoiser';
import { readUNetConfig, type UNetConfig } from '../../../engine/nets/unet-config';
import { moveDown } from '../../../engine/restyle/way-back';
import { ProgramCache } from '../../../engine/runtime/program-cache';
import type { Runtime } from '../../../engine/runtime/runtime';
import { f32, zeros, type HostTensor } from '../../../engine/tensor/tensor';
import { openWeights, type WeightSet } from '../../../engine/weights/folder';
import { bytesSource } from '../../../engine/weights/source';
import { filesOf, input, withRuntime, type GoldenCase } from '../case';

type Floats = HostTensor<'f32'>;
type Results = Map<string, HostTensor>;

interface Net {
  readonly unet: { readonly config: UNetConfig; readonly weights: WeightSet };
  readonly schedule: Schedule;
}

async function openNet(golden: GoldenCase): Promise<Net> {
  const folder = String(golden.json['unet']);
  const unet = {
    config: readUNetConfig(await golden.folder.json(`${folder}/config.json`), folder),
    weights: await openWeights(golden.folder, folder),
  };
  const path = `${String(golden.json['scheduler'])}/scheduler_config.json`;
  return { unet, schedule: readSchedule(await golden.folder.json(path), path) };
}

/** Prompts are the names of the case's embeddings; '' and no prompt are the null prompt. */
function encoderOf(golden: GoldenCase): PromptEncoder {
  return {
    embed: async (prompts) => {
      return { context: stackRows(prompts.map((prompt) => input(golden, prompt || 'embeddings_null'))), pooled: null };
    },
  };
}

/** The case's adapters style0, style1, ... as files would give them. */
function adaptersOf(golden: GoldenCase, count: number): { name: string; file: AdapterFile }[] {
  return Array.from({ length: count }, (_, k) => {
    const name = `style${k}`;
    const targets = new Map<string, AdaptedModule>();
    for (const key of golden.inputs.keys()) {
      if (!key.startsWith(`${name}.`) || !key.endsWith('.A')) continue;
      const target = key.slice(name.length + 1, -2);
      const [a, b] = [input(golden, `${name}.${target}.A`), input(golden, `${name}.${target}.B`)];
      const rank = a.shape[0]!;
      targets.set(target, {
        rank,
        alpha: rank,
        a: a.data,
        b: b.data,
        inFeatures: a.shape[1]!,
        outFeatures: b.shape[0]!,
      });
    }
    return { name, file: { targets, metadata: {}, ignored: [] } };
  });
}

function guidingStyles(golden: GoldenCase): { prompt: string; strength: number }[] {
  const strengths = golden.parameters['strengths'] as number[];
  return strengths.map((strength, k) => ({ prompt: `embeddings_style${k}`, strength }));
}

function denoiserFor(golden: GoldenCase, net: Net, runtime: Runtime): Denoiser {
  const { unet } = net;
  const model = { unet, vae: { config: { downsampling: 8 } } };
  return new Denoiser(model, runtime, new ProgramCache(runtime, filesOf(net.unet.weights)), encoderOf(golden));
}

export async function runGuided(golden: GoldenCase): Promise<Results> {
  const net = await openNet(golden);
  const guiding = guidingStyles(golden);
  const scale = golden.parameters['guidance_scale'] as number;
  const startTimestep = golden.parameters['start_timestep'] as number;
  return withRuntime(async (runtime) => {
    const denoiser = denoiserFor(golden, net, runtime);
    const adapters = await denoiser.load(stackFiles(denoiser.targets, adaptersOf(golden, guiding.length)));
    const plan = ddim(net.schedule, golden.parameters['steps'] as number);
    const results: Results = new Map([
      [
        'timesteps',
        f32(
          plan.steps.map(({ timestep }) => timestep),
          [plan.steps.length],
        ),
      ],
    ]);
    let sample = input(golden, 'latents');
    for (const [i, step] of plan.steps.entries()) {
      const rows = styleGuidance('embeddings', guiding, scale, step.timestep <= startTimestep);
      const moved = await denoiser.step(sample, zeros(sample.shape), step, rows, adapters);
      const denoised = (await moved.denoised.read()) as Floats;
      const { sample: ofSample, output: ofOutput } = step.denoised;
      results.set(
        `outputs.${i}`,
        f32(
          denoised.data.map((value, j) => (value - ofSample * sample.data[j]!) / ofOutput),
          sample.shape,
        ),
      );
      sample = (await moved.next.read()) as Floats;
      results.set(`latents.${i}`, sample);
    }
    return results;
  });
}

export async function runInversion(golden: GoldenCase): Promise<Results> {
  const net = await openNet(golden);
  const guiding = guidingStyles(golden);
  const start = (golden.parameters['start_timestep'] as number) / net.schedule.trainTimesteps;
  return withRuntime(async (runtime) => {
    const denoiser = denoiserFor(golden, net, runtime);
    const adapters = await denoiser.load(stackFiles(denoiser.targets, adaptersOf(golden, guiding.length)));
    const path = ddimPath(net.schedule, golden.parameters['steps'] as number, start);
    const inverted = await invert(denoiser, path, await runtime.upload(input(golden, 'latents')), {
      prompt: 'embeddings',
      iterations: golden.parameters['evaluations'] as number,
    });
    const results: Results = new Map();
    const top = path.levels.length - 1;
    results.set(
      'timesteps',
      f32(
        path.levels.slice(1).map(({ timestep }) => timestep),
        [top],
      ),
    );
    for (const [i, point] of inverted.points.entries()) {
      results.set(`path.${i}`, await point.latents.read());
      if (point.output) results.set(`outputs.${i - 1}`, await point.output.read());
    }
    const rows = styleGuidance('embeddings', guiding, 1);
    let deviation: Floats = zeros(input(golden, 'latents').shape);
    results.set(`deviations.${top}`, deviation);
    for (let level = top; level >= 1; level--) {
      const { latents, output } = inverted.points[level]!;
      const next = await denoiser.deviate(
        latents,
        output!,
        deviation,
        path.levels[level]!.timestep,
        moveDown(path, level),
        rows,
        adapters,
      );
      deviation = (await next.read()) as Floats;
      results.set(`deviations.${level - 1}`, deviation);
    }
    const clean = (await inverted.points[0]!.latents.read()) as Floats;
    results.set(
      'styled',
      f32(
        clean.data.map((value, i) => value + deviation.data[i]!),
        clean.shape,
      ),
    );
    return results;
  });
}

export async function runLoraFile(golden: GoldenCase): Promise<Results> {
  const folder = String(golden.json['unet']);
  const unet = {
    config: readUNetConfig(await golden.folder.json(`${folder}/config.json`), folder),
    weights: await openWeights(golden.folder, folder),
  };
  const feeds = {
    sample: input(golden, 'sample'),
    timestep: input(golden, 'timestep'),
    context: input(golden, 'encoder_hidden_states'),
  };
  const results: Results = new Map();
  for (const { file, scale, expected } of golden.json['files'] as { file: string; scale: number; expected: string }[]) {
    const adapter = await readAdapter(bytesSource(file, await readFile(join(golden.dir, file))));
    const { targets, ranks, down, up } = stackFiles(unetTargets({ unet }), [{ name: file, file: adapter }]);
    const rank = ranks[0]!;
    const multiplier = multiplierTensor(
      ranks,
      feeds.sample.shape.slice(0, 1).flatMap((n) => Array.from({ length: n }, () => [scale])),
    );
    results.set(
      expected,
      await withRuntime(async (runtime) => {
        const b = new GraphBuilder();
        const downs = unpackValues(b, targets, downShape(rank), b.input('down', [down.length]));
        const ups = unpackValues(b, targets, upShape(rank), b.input('up', [up.length]));
        const adapt = stackedAdapters(b, joinMatrices(targets, downs, ups), {
          multiplier: b.input('multiplier', multiplier.shape),
        });
        const values = {
          sample: b.input('sample', feeds.sample.shape),
          timestep: b.input('timestep', feeds.timestep.shape),
          context: b.input('context', feeds.context.shape),
        };
        b.output('sample', unetOutput(b, { unet }, values, adapt));
        const program = await runtime.compile(b.finish(), filesOf(unet.weights));
        const outputs = await program.run({
          ...feeds,
          multiplier,
          down: f32(down, [down.length]),
          up: f32(up, [up.length]),
        });
        return outputs['sample']!.read();
      }),
    );
  }
  return results;
}
