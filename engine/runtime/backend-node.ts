/** ONNX Runtime for Node: native, on the CPU. For the command line, tests and benchmarks; never in a browser bundle. */
import { availableParallelism, cpus } from 'node:os';
import * as ort from 'onnxruntime-node';
import { DeviceError } from '../errors';
import type { Backend, Device, DeviceOptions } from './backend';
import { copyElements, toOrt } from './convert';

export const nodeBackend: Backend = {
  async open(options: DeviceOptions): Promise<Device> {
    const asked = options.device ?? 'auto';
    if (asked === 'wasm') throw new DeviceError('device wasm is for browsers; use cpu here');
    // Not chosen by 'auto': without gpu-buffer tensors every run copies its inputs and outputs through the host.
    const kind = asked === 'webgpu' ? 'webgpu' : 'cpu';
    const threads = options.threads ?? availableParallelism();
    return {
      info: {
        kind,
        name: kind === 'webgpu' ? 'onnxruntime-node webgpu' : (cpus()[0]?.model.trim() ?? 'CPU'),
        threads: kind === 'webgpu' ? 1 : threads,
        f16: false,
      },
      ort: { InferenceSession: ort.InferenceSession, Tensor: ort.Tensor },
      sessionOptions: () => ({
        executionProviders: kind === 'webgpu' ? ['webgpu', 'cpu'] : ['cpu'],
        intraOpNumThreads: threads,
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        ...(options.disableCpuFallback && kind === 'webgpu'
          ? { extra: { session: { disable_cpu_ep_fallback: '1' } } }
          : {}),
      }),
      upload: (tensor) => toOrt(ort.Tensor, { ...tensor, data: copyElements(tensor.dtype, tensor.data) }),
      lost: new Promise(() => undefined),
      close: () => undefined,
    };
  },
};
