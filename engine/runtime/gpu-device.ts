/** A GPUDevice of our own: asked for, filled, read and watched. */
import type { Tensor } from 'onnxruntime-common';
import { DeviceError } from '../errors';
import type { HostTensor } from '../tensor/tensor';
import { byteLength, ORT_TYPE } from './convert';
import type { Ort } from './backend';

// TypeScript's DOM library has the types of WebGPU but not these two objects.
declare const GPUBufferUsage: Readonly<Record<'STORAGE' | 'COPY_SRC' | 'COPY_DST' | 'MAP_READ', number>>;
declare const GPUMapMode: Readonly<Record<'READ', number>>;

/** What ONNX Runtime's kernels make use of, where the adapter has it. */
const FEATURES = ['shader-f16', 'subgroups'] as const;
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

export class Gpu {
  readonly device: GPUDevice;
  readonly name: string;
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

  /** A tensor in a buffer of its own; disposing it destroys the buffer. */
  upload(ort: Ort, tensor: HostTensor<'f32' | 'f16' | 'i32'>): Tensor {
    const bytes = byteLength(tensor);
    const buffer = this.device.createBuffer({
      size: Math.ceil(bytes / ALIGNMENT) * ALIGNMENT,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      mappedAtCreation: true,
    });
    const { data } = tensor;
    new Uint8Array(buffer.getMappedRange()).set(new Uint8Array(data.buffer, data.byteOffset, bytes));
    buffer.unmap();
    return ort.Tensor.fromGpuBuffer(buffer, {
      dataType: ORT_TYPE[tensor.dtype],
      dims: tensor.shape,
      dispose: () => buffer.destroy(),
    });
  }

  /**
   * The first `bytes` of a buffer. Not through ONNX Runtime, whose way to read a tensor ends with the session that
   * made it.
   */
  async read(source: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    const size = Math.ceil(bytes / 4) * 4;
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
