/** In the page, without a worker: the whole method on one device, on the tiny random model. */
import { Engine } from '../../engine/engine';
import { GraphBuilder } from '../../engine/graph/builder';
import type { Image } from '../../engine/image/image';
import type { LossPoint } from '../../engine/requests';
import type { MemoryReport } from '../../engine/runtime/memory';
import { openRuntime } from '../../engine/runtime/runtime';
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
    steps: 5,
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
