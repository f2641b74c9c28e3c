/** Stands in for engine/runtime/backend-node when golden cases run in a page: the web backend on a device of choice. */
import { GraphBuilder } from '../../../engine/graph/builder';
import type { Backend, Device } from '../../../engine/runtime/backend';
import { webBackend } from '../../../engine/runtime/backend-web';
import { openRuntime } from '../../../engine/runtime/runtime';
import { JSPI, PLAIN } from '../../../engine/runtime/web-builds';
import { fetchBytes } from './fetch';

export type WebDevice = 'webgpu' | 'wasm';

/** Each device has a build of its own, since calls into one build must not overlap. */
const web = (kind: WebDevice): Backend =>
  webBackend([kind === 'webgpu' ? JSPI : PLAIN], (file) => fetchBytes(`dist/web/${file}`));

/** A page must not block on threads; and an operation that WebGPU lacks is to fail, not to run on the CPU. */
const optionsFor = (device: WebDevice) => ({ device, threads: 1, disableCpuFallback: true });

const devices = new Map<WebDevice, Promise<Device>>();

/**
 * One device for all cases, with a program on it that is never given up: the software GPU takes a minute and more to
 * compile all kernels, and ONNX Runtime forgets a device's kernels with its last session.
 */
async function openShared(kind: WebDevice): Promise<Device> {
  const device = { ...(await web(kind).open(optionsFor(kind))), close: () => undefined };
  const b = new GraphBuilder();
  b.output('y', b.neg(b.input('x', [1])));
  await (await openRuntime({ open: async () => device })).compile(b.finish());
  return device;
}

export function sharedBackend(kind: WebDevice): Backend {
  return {
    open() {
      if (!devices.has(kind)) devices.set(kind, openShared(kind));
      return devices.get(kind)!;
    },
  };
}

let chosen: WebDevice = 'wasm';

/** Sets the device that golden cases run on next. */
export function chooseDevice(device: WebDevice): void {
  chosen = device;
}

export const nodeBackend: Backend = { open: (options) => sharedBackend(chosen).open(options) };
