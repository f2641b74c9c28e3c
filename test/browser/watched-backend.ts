/** A backend that notes where the tensors of every run are. */
import type { InferenceSession, Tensor } from 'onnxruntime-common';
import type { Backend, Device } from '../../engine/runtime/backend';

export interface RunRecord {
  readonly inputs: Readonly<Record<string, Tensor.DataLocation>>;
  readonly outputs: Readonly<Record<string, Tensor.DataLocation>>;
}

const locations = (tensors: Readonly<Record<string, unknown>>): Record<string, Tensor.DataLocation> =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, (tensor as Tensor).location]));

/** Adds a record to `runs` for every run on the devices this backend opens. */
export function watched(backend: Backend, runs: RunRecord[]): Backend {
  const create = async (device: Device, ...args: [Uint8Array, InferenceSession.SessionOptions]) => {
    const session = await device.ort.InferenceSession.create(...args);
    const run = session.run.bind(session) as (...args: unknown[]) => Promise<InferenceSession.ReturnType>;
    session.run = (async (feeds: InferenceSession.FeedsType, ...rest: unknown[]) => {
      const results = await run(feeds, ...rest);
      runs.push({ inputs: locations(feeds), outputs: locations(results) });
      return results;
    }) as typeof session.run;
    return session;
  };
  return {
    async open(options) {
      const device = await backend.open(options);
      const InferenceSession = { create: create.bind(undefined, device) };
      return { ...device, ort: { ...device.ort, InferenceSession } as unknown as Device['ort'] };
    },
  };
}
