/** What a failure inside ONNX Runtime means to a user. */
import { CancelledError, DeviceError, InputError } from '../errors';
import { GraphError } from '../graph/graph';
import type { DeviceInfo } from './backend';

/** How the builds say that memory ran out: C++, wasm, WebGPU and the browser's allocator. */
const OUT_OF_MEMORY =
  /out of memory|bad_alloc|bad allocation|failed to allocate|allocation (failed|size)|cannot allocate|\bOOM\b|could not be allocated|storage size overflow|exceeds? the (max|limit)/i;

/** The device is unusable from here on. */
const LOST = /device (is |was )?lost|lost device|device.*destroyed|memory access out of bounds|unreachable|Aborted\(/i;

/** WebAssembly or its threads did not start, and this worker will not try again. */
const NOT_STARTED = /initializ\w+ failed|initializeWebAssembly\(\)' failed/i;

/** Errors that already say what a user can do. */
const OURS = [DeviceError, InputError, CancelledError, GraphError];

/** A DeviceError when the device is at fault; else our own errors unchanged, and ONNX Runtime's with what was being done. */
export function explainFailure(error: unknown, action: string, device: DeviceInfo): unknown {
  if (OURS.some((kind) => error instanceof kind)) return error;
  const message = error instanceof Error ? error.message : String(error);
  const where = `could not ${action} on ${device.kind} (${device.name})`;
  if (OUT_OF_MEMORY.test(message)) {
    const smaller = 'try a smaller image, fewer styles at once, or a smaller model; closing other tabs may help';
    return new DeviceError(`${where}: memory ran out; ${smaller} [${message}]`);
  }
  if (LOST.test(message)) return new DeviceError(`${where}: the device was lost; open the runtime again [${message}]`);
  if (NOT_STARTED.test(message)) return new DeviceError(`${where}: it did not start; reload the page [${message}]`);
  return new Error(`${where}: ${message}`, { cause: error });
}
