/** A GPUDevice of our own: asked for, filled, read and watched. */
import type { Tensor } from 'onnxruntime-common';
import { DeviceError } from '../errors';
import type { ValueType } from '../graph/graph';
import type { DType } from '../tensor/dtype';
import type { HostTensor } from '../tensor/tensor';
import { byteLength, ORT_TYPE } from './convert';
import type { Ort, WeightMemory } from './backend';

// TypeScript's DOM library has the types of WebGPU but not these two objects.
declare const GPUBufferUsage: Readonly<Record<'STORAGE' | 'COPY_SRC' | 'COPY_DST' | 'MAP_READ', number>>;
declare const GPUMapMode: Readonly<Record<'READ', number>>;

/**
 * What the kernels may use, where the adapter has it. Not 'subgroups': with it MultiHeadAttention takes a flash kernel
 * that skips keys on some subgroup sizes (seen on SwiftShader's 4; microsoft/onnxruntime#28520), without it one that
 * is right everywhere.
 */
const FEATURES = ['shader-f16'] as const;
/** Limits to raise from their defaults to the adapter's own. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupsPerDimension',
] as const;

/** ONNX Runtime binds buffers in steps of 16 bytes. */
const ALIGNMENT = 16;
/** WebGPU writes and copies buffers in steps of 4 bytes. */
const WRITE_STEP = 4;

/** Bytes that may wait to be copied to the GPU: what was written lies in memory of the browser's until then. */
const MOST_WAITING = 2 ** 27;

/** WebGPU computes neither with 64-bit integers nor with bytes. */
export type GpuDType = 'f32' | 'f16' | 'i32';
type GpuType = ValueType & { readonly dtype: GpuDType };

export class Gpu {
  readonly device: GPUDevice;
  readonly name: string;
  /** Buffers that no tensor uses, by size: a training step makes the tensors the last one disposed. */
  readonly #free = new Map<number, GPUBuffer[]>();
  #fault: string | undefined;

  private constructor(device: GPUDevice, name: string) {
    this.device = device;
    this.name = name;
    // ONNX Runtime goes on with an invalid buffer when one cannot be made; the error arrives here only.
    device.addEventListener('uncapturederror', ({ error }) => {
      const kind = error instanceof GPUOutOfMemoryError ? 'out of memory' : 'GPU error';
      this.#fault ??= `${kind}: ${error.message}`;
    });
  }

  /** The real GPU, or with `software` any adapter; undefined when there is none. */
  static async find(software: boolean): Promise<GPUAdapter | undefined> {
    if (typeof navigator === 'undefined' || !navigator.gpu) return undefined;
    const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter || (adapter.info.isFallbackAdapter && !software)) return undefined;
    return adapter;
  }

  /** Throws a DeviceError when the adapter gives no device. */
  static async open(adapter: GPUAdapter): Promise<Gpu> {
    const { vendor, architecture, description } = adapter.info;
    const name = description || [vendor, architecture].filter(Boolean).join(' ') || 'GPU';
    try {
      const device = await adapter.requestDevice({
        requiredFeatures: FEATURES.filter((feature) => adapter.features.has(feature)),
        requiredLimits: Object.fromEntries(LIMITS.map((limit) => [limit, adapter.limits[limit]])),
      });
      return new Gpu(device, name);
    } catch (error) {
      throw new DeviceError(`the GPU (${name}) gave no device: ${String(error)}; try device wasm`);
    }
  }

  get lost(): Promise<string> {
    return this.device.lost.then((info) => info.message || info.reason);
  }

  fault(): string | undefined {
    const fault = this.#fault;
    this.#fault = undefined;
    return fault;
  }

  /** A tensor over a buffer of ours, which it gives back when it is disposed. Its elements are whatever was there. */
  allocate(ort: Ort, type: GpuType): Tensor {
    const size = Math.ceil(byteLength(type) / ALIGNMENT) * ALIGNMENT;
    const buffer = this.#free.get(size)?.pop() ?? this.#create(size);
    const dispose = (): void => {
      const free = this.#free.get(size);
      if (free) free.push(buffer);
      else this.#free.set(size, [buffer]);
    };
    return ort.Tensor.fromGpuBuffer(buffer, { dataType: ORT_TYPE[type.dtype], dims: type.shape, dispose });
  }

  upload(ort: Ort, tensor: HostTensor & GpuType): Tensor {
    const copy = this.allocate(ort, tensor);
    const bytes = new Uint8Array(tensor.data.buffer as ArrayBuffer, tensor.data.byteOffset, tensor.data.byteLength);
    this.#write(copy.gpuBuffer as GPUBuffer, 0, bytes);
    return copy;
  }

  /** Weights in buffers of ours. Without half floats on the GPU, halves are held as f32: no kernel could read them. */
  weights(ort: Ort): WeightMemory {
    const half = this.device.features.has('shader-f16') ? 'f16' : 'f32';
    // ONNX Runtime's JavaScript takes no buffers of i8.
    const held: { readonly [K in DType]?: DType } = { f32: 'f32', f16: half, bf16: 'f32', i8: 'u8' };
    let waiting = 0;
    const settled = async (): Promise<void> => {
      waiting = 0;
      await this.device.queue.onSubmittedWorkDone();
    };
    return {
      heldAs: (dtype) => held[dtype],
      allocate: (bytes) => {
        const buffer = this.#create(Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
        return {
          write: async (offset, part) => {
            this.#write(buffer, offset, part);
            waiting += part.length;
            if (waiting > MOST_WAITING) await settled();
          },
          tensor: ({ dtype, shape }) =>
            ort.Tensor.fromGpuBuffer(buffer, {
              dataType: ORT_TYPE[dtype as 'f32' | 'f16' | 'u8'],
              dims: shape,
            }),
          release: () => buffer.destroy(),
        };
      },
      settled,
    };
  }

  #write(buffer: GPUBuffer, offset: number, bytes: Uint8Array<ArrayBuffer>): void {
    const whole = bytes.length - (bytes.length % WRITE_STEP);
    this.device.queue.writeBuffer(buffer, offset, bytes, 0, whole);
    if (whole === bytes.length) return;
    const rest = new Uint8Array(WRITE_STEP);
    rest.set(bytes.subarray(whole));
    this.device.queue.writeBuffer(buffer, offset + whole, rest);
  }

  /** Destroys the buffers that no tensor uses. */
  trim(): void {
    for (const buffers of this.#free.values()) for (const buffer of buffers) buffer.destroy();
    this.#free.clear();
  }

  close(): void {
    this.trim();
    this.device.destroy();
  }

  #create(size: number): GPUBuffer {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    return this.device.createBuffer({ size, usage });
  }

  /**
   * The first `bytes` of a buffer. Not through ONNX Runtime, whose way to read a tensor ends with the session that
   * made it.
   */
  async read(source: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    const size = Math.ceil(bytes / WRITE_STEP) * WRITE_STEP;
    const staging = this.device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    try {
      const encoder = this.device.createCommandEncoder();
      encoder.copyBufferToBuffer(source, 0, staging, 0, size);
      this.device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      return staging.getMappedRange().slice(0, bytes);
    } finally {
      staging.destroy();
    }
  }
}
