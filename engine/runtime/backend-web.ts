/** ONNX Runtime for browsers: WebGPU with tensors that stay on the GPU, else WebAssembly. Never in a Node bundle. */
import type { Env, InferenceSession, InferenceSessionFactory, Tensor } from 'onnxruntime-common';
import { DeviceError } from '../errors';
import type { ValueType } from '../graph/graph';
import type { DType, TypedArrayOf } from '../tensor/dtype';
import {
  commonSessionOptions,
  IDLE_ON_CPU,
  type Backend,
  type Device,
  type DeviceOptions,
  type Ort,
  type SessionPlan,
} from './backend';
import { byteLength, copyElements, toOrt, typeOf } from './convert';
import { Gpu, type GpuDType } from './gpu-device';
import type { WebBuild } from './web-builds';

/** Beyond this, threads of one operation wait for each other more than they help. */
const MOST_THREADS = 8;

/** What 32-bit addresses reach, bytes: all that programs, weights and tensors there can take. */
const WASM_MEMORY = 2 ** 32;

/** Milliseconds after which WebAssembly that has not started will not. */
const START_TIMEOUT = 60_000;

/** Gives the bytes of a file of onnxruntime-web's dist folder. */
export type WasmBinary = (file: string) => Promise<ArrayBuffer | Uint8Array>;

/**
 * A backend that runs the first of `builds` this browser can, so list them best first: [JSPI, ASYNCIFY] where WebGPU
 * is possible, [PLAIN] where it is not.
 */
export function webBackend(builds: readonly WebBuild[], wasmBinary: WasmBinary): Backend {
  return {
    async open(options: DeviceOptions): Promise<Device> {
      const asked = options.device ?? 'auto';
      if (asked === 'cpu') throw new DeviceError('device cpu is for Node; use wasm here');
      const usable = builds.filter((build) => build.usable());
      if (asked !== 'wasm') {
        const build = usable.find(({ webgpu }) => webgpu);
        const adapter = build && (await Gpu.find(asked === 'webgpu'));
        if (build && adapter) return openWebGpu(await load(build, wasmBinary, 1), adapter, options);
        if (asked === 'webgpu') throw new DeviceError('this page has no WebGPU; try device wasm');
      }
      const build = usable.find(({ webgpu }) => !webgpu) ?? usable[0];
      if (!build) throw new DeviceError('this browser can run none of the bundled builds of ONNX Runtime; update it');
      const threads = options.threads ?? defaultThreads();
      return openWasm(await load(build, wasmBinary, threads));
    },
  };
}

interface Loaded {
  readonly ort: Ort;
  readonly env: Env;
}

/** Builds this page has loaded. WebAssembly starts once for a build, with the threads it was first given. */
const loaded = new Map<WebBuild, Promise<Loaded>>();

function load(build: WebBuild, wasmBinary: WasmBinary, threads: number): Promise<Loaded> {
  let started = loaded.get(build);
  if (!started) {
    started = start(build, wasmBinary, threads);
    loaded.set(build, started);
    started.catch(() => loaded.delete(build));
  }
  return started;
}

async function start(build: WebBuild, wasmBinary: WasmBinary, threads: number): Promise<Loaded> {
  const [{ InferenceSession, Tensor, env }, binary] = await Promise.all([build.load(), wasmBinary(build.wasmFile)]);
  env.logLevel = 'error';
  env.wasm.wasmBinary = binary;
  env.wasm.numThreads = threads;
  // A thread whose script does not arrive would be waited for without end.
  env.wasm.initTimeout = START_TIMEOUT;
  // We are in a worker already.
  env.wasm.proxy = false;
  return { ort: { InferenceSession: letTurn(InferenceSession), Tensor }, env };
}

/**
 * Sessions after whose runs the event loop turns. Otherwise the steps of a job are one chain of promises that are
 * settled already, and the worker hears of a cancel only when the job is done.
 */
function letTurn(factory: InferenceSessionFactory): InferenceSessionFactory {
  const turn = eventLoopTurns();
  const create = factory.create.bind(factory) as (...args: unknown[]) => Promise<InferenceSession>;
  return {
    async create(...args: unknown[]) {
      const session = await create(...args);
      const run = session.run.bind(session) as (...args: unknown[]) => Promise<InferenceSession.ReturnType>;
      session.run = async (...feeds: unknown[]) => {
        const results = await run(...feeds);
        await turn();
        return results;
      };
      return session;
    },
  };
}

/**
 * A function whose promise resolves after the messages that have arrived by now. Not by a timer, which browsers make
 * wait; and by one channel for good: with a channel for each turn jobs hung on a busy machine, it seems because Chromium
 * collected channels that nothing referred to before their messages arrived.
 */
function eventLoopTurns(): () => Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  port1.onmessage = () => waiting.shift()?.();
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      port2.postMessage(undefined);
    });
}

/**
 * Threads need shared memory, which only an isolated page has, and workers of module scripts, which a document without
 * an origin cannot start.
 */
function defaultThreads(): number {
  return globalThis.crossOriginIsolated && globalThis.origin !== 'null'
    ? Math.min(navigator.hardwareConcurrency, MOST_THREADS)
    : 1;
}

function openWasm({ ort, env }: Loaded): Device {
  return {
    get info() {
      return { kind: 'wasm', name: 'WebAssembly', threads: env.wasm.numThreads ?? 1, f16: false } as const;
    },
    ort,
    sessionOptions: (plan) => ({ ...commonSessionOptions(plan, {}, IDLE_ON_CPU), executionProviders: ['wasm'] }),
    upload: (tensor) => toOrt(ort.Tensor, { ...tensor, data: copyElements(tensor.dtype, tensor.data) }),
    allocate: () => undefined,
    availableMemory: () => WASM_MEMORY,
    trim: () => undefined,
    read: async (tensor) => tensor.data,
    fault: () => undefined,
    lost: new Promise(() => undefined),
    close: () => undefined,
  };
}

async function openWebGpu({ ort }: Loaded, adapter: GPUAdapter, options: DeviceOptions): Promise<Device> {
  const gpu = await Gpu.open(adapter);
  const { device } = gpu;
  return {
    info: { kind: 'webgpu', name: gpu.name, threads: 1, f16: device.features.has('shader-f16') },
    ort,
    sessionOptions: (plan) => gpuSessionOptions(plan, device, options),
    upload: (tensor) =>
      staysOnGpu(tensor) ? gpu.upload(ort, tensor) : toOrt(ort.Tensor, { ...tensor, data: tensor.data.slice() }),
    allocate: (type) => (staysOnGpu(type) ? gpu.allocate(ort, type) : undefined),
    weights: gpu.weights(ort),
    trim: () => gpu.trim(),
    read: async (tensor) => {
      if (tensor.location !== 'gpu-buffer') return tensor.data;
      const type = typeOf(tensor);
      return elements(type.dtype, await gpu.read(tensor.gpuBuffer as GPUBuffer, byteLength(type)));
    },
    fault: () => gpu.fault(),
    lost: gpu.lost,
    close: () => gpu.close(),
  };
}

function gpuSessionOptions(
  plan: SessionPlan,
  device: GPUDevice,
  options: DeviceOptions,
): InferenceSession.SessionOptions {
  const location = (type: ValueType): Tensor.DataLocation => (staysOnGpu(type) ? 'gpu-buffer' : 'cpu');
  return {
    ...commonSessionOptions(plan, {
      // Prepacking would hold a second copy of every convolution's weight.
      disable_prepacking: '1',
      ...(options.disableCpuFallback ? { disable_cpu_ep_fallback: '1' } : {}),
    }),
    executionProviders: [{ name: 'webgpu', device }],
    preferredOutputLocation: Object.fromEntries([...plan.outputs].map(([name, type]) => [name, location(type)])),
  };
}

/** Indices and conditions are small, and WebGPU has no such elements: they stay with the host. */
function staysOnGpu<T extends ValueType>(type: T): type is T & { dtype: GpuDType } {
  return type.dtype === 'f32' || type.dtype === 'f16' || type.dtype === 'i32';
}

function elements(dtype: DType, bytes: ArrayBuffer): TypedArrayOf<DType> {
  if (dtype === 'f32') return new Float32Array(bytes);
  if (dtype === 'f16') return new Uint16Array(bytes);
  if (dtype === 'i32') return new Int32Array(bytes);
  throw new Error(`${dtype} tensors are not kept on the GPU`);
}
