/** Failures of a device: what a user is told, and that the runtime recovers or ends as it should. */
import type { InferenceSession } from 'onnxruntime-common';
import { CancelledError, DeviceError } from '../../engine/errors';
import { GraphBuilder } from '../../engine/graph/builder';
import { GraphError, type Graph } from '../../engine/graph/graph';
import type { Backend, Device } from '../../engine/runtime/backend';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { explainFailure } from '../../engine/runtime/failure';
import { openRuntime } from '../../engine/runtime/runtime';
import { f32 } from '../../engine/tensor/tensor';

const GPU = { kind: 'webgpu', name: 'Test GPU', threads: 1, f16: true } as const;

test.each([
  'std::bad_alloc',
  'Failed to allocate memory for requested buffer of size 4096',
  'RangeError: Array buffer allocation failed',
  'Aborted(OOM)',
  'Calculation for Tensor storage size overflowed',
  'out of memory: Not enough memory left',
])('%s is memory', (message) => {
  const error = explainFailure(new Error(message), 'run unet', GPU) as Error;
  expect(error).toBeInstanceOf(DeviceError);
  expect(error.message).toMatch(/^could not run unet on webgpu \(Test GPU\): memory ran out; try a smaller image/);
});

test.each([
  'WebAssembly backend initializing failed due to timeout: 60000ms',
  "previous call to 'initializeWebAssembly()' failed.",
])('%s is a device that did not start', (message) => {
  const error = explainFailure(new Error(message), 'compile unet', GPU) as Error;
  expect(error).toBeInstanceOf(DeviceError);
  expect(error.message).toMatch(/^could not compile unet on webgpu \(Test GPU\): it did not start; reload the page/);
});

test('a lost device is told from a defect, and our own errors pass', () => {
  expect(
    explainFailure(new Error('A valid external Instance reference no longer exists: device lost'), 'run', GPU),
  ).toBeInstanceOf(DeviceError);
  const defect = explainFailure(new Error('Invalid rank for input'), 'run', GPU) as Error;
  expect(defect).not.toBeInstanceOf(DeviceError);
  expect(defect.message).toBe('could not run on webgpu (Test GPU): Invalid rank for input');
  for (const ours of [new GraphError('x'), new CancelledError()]) expect(explainFailure(ours, 'run', GPU)).toBe(ours);
});

function negation(): Graph {
  const b = new GraphBuilder();
  b.output('y', b.neg(b.input('x', [1])));
  return b.finish();
}

/** The Node backend with a device that can be made to fail. */
function failing() {
  const state = {
    sessions: 0,
    closed: false,
    fault: undefined as string | undefined,
    run: undefined as (() => Promise<never>) | undefined,
  };
  let lose: (reason: string) => void = () => undefined;
  const backend: Backend = {
    async open(options) {
      const device = await nodeBackend.open(options);
      const create = async (bytes: Uint8Array, sessionOptions: InferenceSession.SessionOptions) => {
        state.sessions++;
        const session = await device.ort.InferenceSession.create(bytes, sessionOptions);
        const run = session.run.bind(session);
        session.run = ((feeds: InferenceSession.FeedsType) =>
          (state.run ?? (() => run(feeds)))()) as typeof session.run;
        return session;
      };
      return {
        ...device,
        ort: { ...device.ort, InferenceSession: { create } as unknown as Device['ort']['InferenceSession'] },
        fault: () => {
          const { fault } = state;
          state.fault = undefined;
          return fault;
        },
        lost: new Promise<string>((resolve) => (lose = resolve)),
        close: () => void (state.closed = true),
      };
    },
  };
  return { state, backend, lose: (reason: string) => lose(reason) };
}

test('after a failed run the session is made anew and the next run works', async () => {
  const { state, backend } = failing();
  const runtime = await openRuntime(backend, { threads: 1 });
  const program = await runtime.compile(negation(), undefined, { name: 'unet' });
  state.run = async () => {
    throw new Error('failed to allocate a buffer');
  };
  const x = f32([3], [1]);
  await expect(program.run({ x })).rejects.toThrow(/^could not run unet on cpu .*: memory ran out/);
  state.run = undefined;
  const { y } = await program.run({ x });
  expect(Array.from((await y!.read()).data, Number)).toEqual([-3]);
  expect(state.sessions).toBe(2);
  await runtime.dispose();
  expect(state.closed).toBe(true);
});

test('an error the device reports on the side fails the run', async () => {
  const { state, backend } = failing();
  const runtime = await openRuntime(backend, { threads: 1 });
  const program = await runtime.compile(negation());
  state.fault = 'out of memory: buffer of 4 GB';
  await expect(program.run({ x: f32([3], [1]) })).rejects.toBeInstanceOf(DeviceError);
  await expect(program.run({ x: f32([3], [1]) })).resolves.toBeDefined();
  await runtime.dispose();
});

test('a run that hangs on a lost device is given up, and all later calls are refused', async () => {
  const { state, backend, lose } = failing();
  const runtime = await openRuntime(backend, { threads: 1 });
  const program = await runtime.compile(negation());
  state.run = () => new Promise<never>(() => undefined);
  const hanging = program.run({ x: f32([3], [1]) });
  const waiting = program.run({ x: f32([3], [1]) });
  const refusal = /^the cpu device was lost \(unplugged\); open the runtime again$/;
  setTimeout(() => lose('unplugged'), 20);
  await expect(hanging).rejects.toThrow(refusal);
  await expect(waiting).rejects.toThrow(refusal);
  await expect(runtime.upload(f32([1], []))).rejects.toThrow(refusal);
  await runtime.dispose();
  expect(state.closed).toBe(true);
});
