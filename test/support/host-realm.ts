/**
 * Import this before anything that runs onnxruntime-node under jest. Jest runs tests in a vm context with typed arrays
 * of its own, while native code makes those of the main context, and ONNX Runtime tells them apart by instanceof.
 * Jest does share Uint8Array with the main context, and through its constructor the rest can be reached.
 */
const mainFunction = Uint8Array.constructor as FunctionConstructor;
const main = mainFunction('return globalThis')() as Record<string, unknown>;

for (const name of [
  'Int8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
]) {
  (globalThis as unknown as Record<string, unknown>)[name] = main[name];
}

export {};
