/** In the page, without a worker: small models run as large ones are, in parts and with weights in buffers of our own. */
import { openInEightBit } from '../../engine/diffusion/eight-bit';
import { openModel } from '../../engine/diffusion/model';
import { GraphBuilder } from '../../engine/graph/builder';
import type { Image } from '../../engine/image/image';
import { learn } from '../../engine/learn/learn';
import { openPipeline } from '../../engine/pipeline';
import type { LossPoint } from '../../engine/requests';
import { Restyler } from '../../engine/restyle/restyle';
import { openRuntime } from '../../engine/runtime/runtime';
import { f32 } from '../../engine/tensor/tensor';
import { memoryStore } from '../support/memory-store';
import { nodeFolder } from './shims/node-folder';
import { sharedBackend, type WebDevice } from './shims/backend';
import { watched, type RunRecord } from './watched-backend';

/** Bytes of the GPU's buffers that are alive, of those made while `work` runs; and the buffers' sizes as they are made. */
async function onGpu<T>(work: (alive: () => number) => Promise<T>): Promise<T> {
  const [devices, buffers] = [GPUDevice.prototype, GPUBuffer.prototype];
  const { createBuffer } = devices;
  const { destroy } = buffers;
  const sizes = new Map<GPUBuffer, number>();
  devices.createBuffer = function (this: GPUDevice, descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    sizes.set(buffer, descriptor.size);
    return buffer;
  };
  buffers.destroy = function (this: GPUBuffer) {
    sizes.delete(this);
    destroy.call(this);
  };
  try {
    return await work(() => [...sizes.values()].reduce((sum, size) => sum + size, 0));
  } finally {
    devices.createBuffer = createBuffer;
    buffers.destroy = destroy;
  }
}

export interface BuffersRun {
  /** Of the one weight as it lies in its file. */
  readonly fileBytes: number;
  /** Alive on the GPU after the first program, after the second on the same weight, after both ran, and at the end. */
  readonly alive: readonly [number, number, number, number];
  readonly results: readonly [number, number];
}

/** Two programs on one weight of 2 MiB in half floats, which a GPU without half floats holds as f32. */
export async function twoPrograms(): Promise<BuffersRun> {
  const [out, width] = [1024, 1024];
  const halves = new Uint16Array(out * width).fill(0x3800);
  const data = new Blob([halves]);
  const file = { size: data.size, asBlobOrBytes: async () => data };
  const layer = (factor: number) => {
    const b = new GraphBuilder();
    const weight = b.weight({ file: 'w', name: 'w', offset: 0, length: data.size }, [out, width], 'f16');
    const y = b.linear(b.input('x', [1, width]), b.cast(weight, 'f32'));
    b.output('y', b.mul(b.reduceSum(y), factor));
    return b.finish();
  };
  const runtime = await openRuntime(sharedBackend('webgpu'));
  try {
    return await onGpu(async (alive) => {
      const files = new Map([['w', file]]);
      const first = await runtime.compile(layer(1), files, { lean: true });
      const counts = [alive()];
      const second = await runtime.compile(layer(2), files, { lean: true });
      counts.push(alive());
      const x = f32(new Float32Array(width).fill(1), [1, width]);
      const results: number[] = [];
      for (const program of [first, second]) {
        const { y } = await program.run({ x });
        results.push(Number((await y!.read()).data[0]));
        y!.dispose();
      }
      counts.push(alive());
      await runtime.dispose();
      counts.push(alive());
      return { fileBytes: data.size, alive: counts, results } as unknown as BuffersRun;
    });
  } finally {
    await runtime.dispose();
  }
}

export interface LargeRun {
  readonly losses: readonly LossPoint[];
  readonly restyled: readonly number[];
  /** Inputs of every run that are weights, and where they are. */
  readonly weights: readonly (readonly string[])[];
  /** Bytes of weights and constants: when all is learned, and when the runtime is closed. */
  readonly held: readonly [number, number];
  /** Bytes of the model's weights. */
  readonly modelBytes: number;
}

/** Learns `after` from `before` in two steps, in parts and with 8-bit weights, and restyles `before`. */
export async function learnAsLarge(
  device: WebDevice,
  path: string,
  [before, after]: readonly [Image, Image],
): Promise<LargeRun> {
  const model = await openInEightBit(await openModel(await nodeFolder(path)), memoryStore);
  const runs: RunRecord[] = [];
  const runtime = await openRuntime(watched(sharedBackend(device), runs));
  try {
    // A file that nothing refers to, as large as a large model's.
    const ballast = { name: 'ballast', size: 2 ** 30, read: never, asBlobOrBytes: never };
    const pipeline = openPipeline({ ...model, files: new Map([...model.files, ['ballast', ballast]]) }, runtime);
    pipeline.programs.keep = 'nothing';
    pipeline.programs.partBytes = 2 ** 19;
    const restyler = new Restyler(pipeline);
    const { style, losses } = await learn(
      pipeline,
      {
        mode: 'paper',
        ...{ before, after, prompt: 'a disc', style: 'blue' },
        ...{ size: 32, rank: 2, contentSteps: 1, steps: 2, learningRate: 0.05, seed: 3 },
      },
      {},
      (learned, image) => restyler.apply([{ name: 'learned', style: learned, strength: 1 }], { image, size: 32 }),
    );
    const learned = runtime.memory().programs;
    const styles = [{ file: style, strength: 1 }];
    const restyled = await restyler.restyle({ image: before, styles, steps: 2, start: 0.5, size: 32 });
    restyler.forget();
    pipeline.programs.dispose();
    await runtime.dispose();
    const nets = [model.unet, model.vae, ...model.texts].map((net) => net!.weights);
    return {
      losses,
      restyled: [...restyled.data],
      weights: runs.map(({ inputs }) =>
        Object.entries(inputs).flatMap(([name, place]) => (name.startsWith('in/weight/') ? [place] : [])),
      ),
      held: [learned, runtime.memory().programs],
      modelBytes: nets
        .flatMap((weights) => weights.names().map((name) => weights.get(name)!.entry.length))
        .reduce((sum, bytes) => sum + bytes, 0),
    };
  } finally {
    await runtime.dispose();
  }
}

const never = (): Promise<never> => Promise.reject(new Error('read'));
