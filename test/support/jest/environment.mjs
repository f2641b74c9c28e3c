/**
 * Node's environment of jest with the typed arrays of the main context. Jest gives tests a context of their own, while
 * native code (onnxruntime-node, worker threads) makes arrays of the main one, and libraries tell them apart by
 * `instanceof`. Jest shares Uint8Array and ArrayBuffer by itself.
 */
import { TestEnvironment } from 'jest-environment-node';

const TYPED_ARRAYS = {
  ...{ Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array },
  ...{ Float32Array, Float64Array, BigInt64Array, BigUint64Array },
};

export default class extends TestEnvironment {
  constructor(...args) {
    super(...args);
    Object.assign(this.global, TYPED_ARRAYS);
  }
}
