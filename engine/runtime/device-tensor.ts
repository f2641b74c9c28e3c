/** A tensor that stays where programs compute, until it is read or disposed. */
import type { Tensor } from 'onnxruntime-common';
import type { ValueType } from '../graph/graph';
import type { DType } from '../tensor/dtype';
import { showShape, type Shape } from '../tensor/shape';
import type { HostTensor } from '../tensor/tensor';
import { byteLength, toHost } from './convert';
import type { RuntimeCore } from './core';

export class DeviceTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly #core: RuntimeCore;
  #tensor: Tensor | undefined;

  /** Made by the runtime only; it takes over `tensor`. */
  constructor(core: RuntimeCore, type: ValueType, tensor: Tensor) {
    this.dtype = type.dtype;
    this.shape = type.shape;
    this.#core = core;
    this.#tensor = tensor;
    core.memory.add('tensors', byteLength(this));
    core.tensors.add(this);
  }

  get disposed(): boolean {
    return this.#tensor === undefined;
  }

  /** Copies the elements to the host. Throws a DeviceError when the device is lost. */
  async read(): Promise<HostTensor> {
    const tensor = this.held(this.#core);
    return this.#core.call('read a tensor', async () => {
      const data = await this.#core.device.read(tensor);
      this.#core.assertSound();
      return toHost(this, data);
    });
  }

  /** Gives the memory back, after the runs that were asked for before; a second call does nothing. */
  dispose(): void {
    const tensor = this.#tensor;
    if (!tensor) return;
    this.#tensor = undefined;
    this.#core.tensors.delete(this);
    this.#core.queue.release(() => {
      tensor.dispose();
      this.#core.memory.add('tensors', -byteLength(this));
    });
  }

  /** ONNX Runtime's tensor, for the runtime that owns it; throws an Error when disposed or another runtime's. */
  held(core: RuntimeCore): Tensor {
    const what = `${this.dtype}${showShape(this.shape)} tensor`;
    if (!this.#tensor) throw new Error(`a ${what} is used after it was disposed`);
    if (core !== this.#core) throw new Error(`a ${what} of one runtime is used in another`);
    return this.#tensor;
  }
}
