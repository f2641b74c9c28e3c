/** What the runtime asks of a build of ONNX Runtime. One file per build implements it: backend-node, backend-web. */
import type { InferenceSession, InferenceSessionFactory, Tensor, TensorConstructor } from 'onnxruntime-common';
import type { ValueType } from '../graph/graph';
import type { HostTensor } from '../tensor/tensor';

export type DeviceKind = 'cpu' | 'wasm' | 'webgpu';

export interface DeviceInfo {
  readonly kind: DeviceKind;
  /** For people: the adapter's or the processor's name. */
  readonly name: string;
  /** Threads an operation may use; 1 on webgpu. */
  readonly threads: number;
  /** Whether half floats are computed natively, so that f16 saves time as well as memory. */
  readonly f16: boolean;
}

export interface DeviceOptions {
  /** 'auto' (the default) takes webgpu where there is one, else wasm or cpu. */
  readonly device?: 'auto' | DeviceKind;
  /** Threads for cpu and wasm; by default as many as help. */
  readonly threads?: number;
  /** For tests: a program with an operation the GPU lacks is refused instead of being run half on the CPU. */
  readonly disableCpuFallback?: boolean;
}

/** An open device. */
export interface Device {
  readonly info: DeviceInfo;
  readonly ort: { readonly InferenceSession: InferenceSessionFactory; readonly Tensor: TensorConstructor };
  /** Options for a session that returns these outputs, without the weights. */
  sessionOptions(outputs: ReadonlyMap<string, ValueType>): InferenceSession.SessionOptions;
  /** Copies a tensor to where programs read it fastest. */
  upload(tensor: HostTensor): Tensor;
  /** Resolves with the reason if the device is lost; never if it cannot be. */
  readonly lost: Promise<string>;
  /** Gives the device back. Sessions and tensors are gone by then. */
  close(): void;
}

export interface Backend {
  /** Throws a DeviceError when the device asked for is not there. */
  open(options: DeviceOptions): Promise<Device>;
}
