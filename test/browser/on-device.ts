/** In the page, without a worker: the whole method on one device, on the tiny random model. */
import { gradients } from '../../engine/autodiff/gradients';
import { Engine } from '../../engine/engine';
import { GraphBuilder } from '../../engine/graph/builder';
import type { Image } from '../../engine/image/image';
import { Scope } from '../../engine/nets/scope';
import type { LossPoint } from '../../engine/requests';
import type { MemoryReport } from '../../engine/runtime/memory';
import { openRuntime } from '../../engine/runtime/runtime';
import { f32 } from '../../engine/tensor/tensor';
import { eightBitFile, openEightBit } from '../../engine/weights/eight-bit/file';
import { memoryStore } from '../support/memory-store';
import { memoryFolder, openWeights } from '../../engine/weights/folder';
import { writeSafetensors } from '../../engine/weights/safetensors';
import { nodeFolder } from './shims/node-folder';
import { sharedBackend, type WebDevice } from './shims/backend';
import { watched, type RunRecord } from './watched-backend';

/** The message with which WebGPU refuses a graph on whole numbers, for which it has no kernels. */
export async function compileForeign(): Promise<string> {
  const runtime = await openRuntime(sharedBackend('webgpu'));
  const b = new GraphBuilder();
  b.output('y', b.gather(b.input('x', [4], 'i64'), b.input('ids', [2], 'i64')));
  try {
    await runtime.compile(b.finish());
    return 'compiled';
  } catch (error) {
    return (error as Error).message;
  } finally {
    await runtime.dispose();
  }
}

export interface LayerRun {
  readonly y: readonly number[];
  /** The gradient of y times `g` with respect to the input. */
  readonly dx: readonly number[];
}

/** A linear layer whose matrix is held in 8 bits, as large models run it: forward, and back to its input. */
export async function eightBitLayer(device: WebDevice): Promise<LayerRun> {
  const [rows, out, width] = [3, 24, 128];
  const wave = (n: number, step: number): Float32Array<ArrayBuffer> =>
    Float32Array.from({ length: n }, (_, i) => Math.sin(i * step));
  const tensors = [{ name: 'proj.weight', dtype: 'F32', shape: [out, width], data: wave(out * width, 0.7) }] as const;
  const folder = memoryFolder('net', new Map([['model.safetensors', writeSafetensors(tensors)]]));
  const stored = await openWeights(folder, '');
  const source = await memoryStore.open(
    'net in 8 bits',
    'key',
    eightBitFile(stored, () => true),
  );
  const weights = await openEightBit(stored, source);
  const b = new GraphBuilder();
  const x = b.input('x', [rows, width]);
  const y = new Scope(b, weights).at('proj').linear(x, out, false);
  b.output('y', y);
  b.output('dx', gradients(b, b.reduceSum(b.mul(y, b.input('g', [rows, out]))), [x])[0]!);
  const runtime = await openRuntime(sharedBackend(device));
  try {
    const program = await runtime.compile(b.finish(), new Map([[source.name, source]]), { lean: true });
    const made = await program.run({
      x: f32(wave(rows * width, 0.9), x.shape),
      g: f32(wave(rows * out, 1.3), y.shape),
    });
    const read = async (name: string): Promise<number[]> => [...((await made[name]!.read()).data as Float32Array)];
    return { y: await read('y'), dx: await read('dx') };
  } finally {
    await runtime.dispose();
  }
}

export interface DeviceRun {
  readonly losses: readonly LossPoint[];
  /** RGBA of the picture, and of the same restyled at strength 1 and at 0. */
  readonly original: readonly number[];
  readonly restyled: readonly number[];
  readonly unstyled: readonly number[];
  readonly runs: readonly RunRecord[];
  /** While the model is open, and after it was given back. */
  readonly memory: readonly [MemoryReport, MemoryReport];
}

/** Learns `after` from `before` in a few steps and restyles `before` with it, fully and not at all. */
export async function learnAndRestyle(device: WebDevice, before: Image, after: Image): Promise<DeviceRun> {
  const runs: RunRecord[] = [];
  const folder = await nodeFolder('test/fixtures/tiny-model');
  const engine = await Engine.open(folder, watched(sharedBackend(device), runs));
  const pair = { before, after, prompt: 'a disc', style: 'blue' };
  const { style, losses } = await engine.learn({
    ...pair,
    contentSteps: 1,
    steps: 2,
    rank: 2,
    learningRate: 0.05,
    seed: 3,
  });
  const restyle = async (strength: number): Promise<number[]> => {
    const styles = [{ file: style, strength }];
    return [...(await engine.restyle({ image: before, styles, prompt: pair.prompt, steps: 4, start: 0.5 })).data];
  };
  const [restyled, unstyled] = [await restyle(1), await restyle(0)];
  const open = engine.memory();
  await engine.dispose();
  return { losses, original: [...before.data], restyled, unstyled, runs, memory: [open, engine.memory()] };
}
