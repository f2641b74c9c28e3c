/** ONNX Runtime for Node: native, on the CPU. For the command line, tests and benchmarks; never in a browser bundle. */
import { availableParallelism, cpus } from 'node:os';
import { dirname, relative, sep } from 'node:path';
import * as ort from 'onnxruntime-node';
import { DeviceError } from '../errors';
import { GraphBuilder } from '../graph/builder';
import { emitModel } from '../onnx/emit';
import { commonSessionOptions, IDLE_ON_CPU, type Backend, type Device, type DeviceOptions } from './backend';
import { copyElements, toOrt } from './convert';

/**
 * How long an idle thread looks for work before it sleeps. By default far longer, which on a machine with other work
 * to do keeps the very thread waiting that has the work (docs/experiments.md).
 */
const SPIN_MICROSECONDS = '20';

export const nodeBackend: Backend = {
  async open(options: DeviceOptions): Promise<Device> {
    const asked = options.device ?? 'auto';
    if (asked === 'wasm') throw new DeviceError('device wasm is for browsers; use cpu here');
    // Not chosen by 'auto': without gpu-buffer tensors every run copies its inputs and outputs through the host.
    const gpu = asked === 'webgpu';
    const probe = gpu ? await startGpu() : undefined;
    const threads = options.threads ?? availableParallelism();
    const processor = cpus()[0]?.model.trim() ?? 'CPU';
    return {
      info: gpu
        ? { kind: 'webgpu', name: 'native WebGPU', threads: 1, f16: false }
        : { kind: 'cpu', name: processor, threads, f16: false },
      ort: { InferenceSession: ort.InferenceSession, Tensor: ort.Tensor },
      sessionOptions: (plan) => ({
        ...(gpu
          ? commonSessionOptions(plan, options.disableCpuFallback ? { disable_cpu_ep_fallback: '1' } : {})
          : commonSessionOptions(plan, { 'intra_op.spin_duration_us': SPIN_MICROSECONDS }, IDLE_ON_CPU)),
        executionProviders: gpu ? ['webgpu', 'cpu'] : ['cpu'],
        intraOpNumThreads: threads,
      }),
      ...(!gpu && { locate, availableMemory: () => process.availableMemory() }),
      upload: (tensor) => toOrt(ort.Tensor, { ...tensor, data: copyElements(tensor.dtype, tensor.data) }),
      allocate: () => undefined,
      trim: () => undefined,
      read: async (tensor) => tensor.data,
      fault: () => undefined,
      lost: new Promise(() => undefined),
      close: () => void probe?.release(),
    };
  },
};

/**
 * ONNX Runtime looks for a GPU when its first session is created, which would be in the middle of somebody's work. The
 * session is to be kept: with the last one the GPU is given up.
 */
async function startGpu(): Promise<ort.InferenceSession> {
  const b = new GraphBuilder();
  const x = b.input('x', [1]);
  b.output('y', b.add(x, x));
  const { bytes } = emitModel(b.finish());
  try {
    // 4: fatal errors alone are printed.
    return await ort.InferenceSession.create(bytes, { executionProviders: ['webgpu'], logSeverityLevel: 4 });
  } catch (error) {
    throw new DeviceError(
      'WebGPU cannot start on this machine: it finds no GPU that it can use; install the driver of the GPU (on Linux with Vulkan), or use device cpu',
      { cause: error },
    );
  }
}

/** The deepest folder that holds all files, and their paths from it. */
function locate(paths: readonly string[]): { folder: string; locations: string[] } {
  let folder = dirname(paths[0]!);
  while (!paths.every((path) => path.startsWith(folder.endsWith(sep) ? folder : folder + sep)))
    folder = dirname(folder);
  return { folder, locations: paths.map((path) => relative(folder, path).split(sep).join('/')) };
}
