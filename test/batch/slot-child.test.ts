/** The process of a slot: what it answers to what it is told. The channel between is a list here, the engine a stand-in. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MachineError } from '../../batch/errors';
import type { BatchEngine, SlotHost } from '../../batch/host';
import { sha256, type JobOrder } from '../../batch/job';
import { findOutput } from '../../batch/mark';
import { prepareOwnFolder } from '../../batch/output';
import { serveSlot } from '../../batch/slot/child';
import type { FromSlot, ToSlot } from '../../batch/slot/messages';
import { DeviceError, InputError } from '../../engine/errors';
import { image, type Image } from '../../engine/image/image';
import type { RestyleRequest } from '../../engine/requests';

const EVENTS = ['message', 'disconnect', 'SIGINT', 'SIGTERM'] as const;
type Listener = (...about: unknown[]) => void;
interface Emitter {
  listeners(event: string): Listener[];
  off(event: string, listener: Listener): void;
}
const emitter = process as unknown as Emitter;
const own = { send: process.send };

let folder: string;
let said: FromSlot[];
let exits: unknown[];
let before: Map<string, Listener[]>;
const at = (...names: string[]): string => join(folder, ...names);
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'diptych-child-'));
  mkdirSync(at('in'));
  await prepareOwnFolder(at('out'));
  [said, exits] = [[], []];
  before = new Map(EVENTS.map((event) => [event, emitter.listeners(event)]));
  const send = (message: FromSlot, sent?: () => void): void => (said.push(message), sent?.());
  Object.assign(process, { send });
  jest.spyOn(process, 'exit').mockImplementation(((code: unknown) => exits.push(code)) as never);
});
afterEach(() => {
  (process.exit as unknown as jest.SpyInstance).mockRestore();
  Object.assign(process, own);
  for (const event of EVENTS) for (const listener of added(event)) emitter.off(event, listener);
  rmSync(folder, { recursive: true });
});

const added = (event: string): Listener[] =>
  emitter.listeners(event).filter((each) => !before.get(event)!.includes(each));
/** Calls what was added for an event, as process.emit would: a real signal would end the tests. */
function happen(event: (typeof EVENTS)[number], ...about: unknown[]): void {
  expect(added(event).length).toBeGreaterThan(0);
  for (const listener of added(event)) listener(...about);
}
const tell = (message: ToSlot): void => happen('message', message);
/** The answer to a question; what is said on the way to it is none. */
async function answer(id: number): Promise<FromSlot> {
  for (;;) {
    const found = said.find((each) => each.id === id && each.kind !== 'progress' && each.kind !== 'computed');
    if (found) return found;
    await pause(2);
  }
}
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(2);
}

const DESCRIPTION: BatchEngine['description'] = {
  ...{ model: 'stand-in', fingerprint: 'f', nativeSize: 64 },
  device: { kind: 'cpu', name: 'none', threads: 1, f16: false },
};

/** Pictures are one pixel: the first byte of their file. The engine adds 100 times the strength of the first style. */
function host(over: Partial<SlotHost['codec'] & BatchEngine & SlotHost> = {}) {
  const decoded: string[] = [];
  const asked: RestyleRequest[] = [];
  const engine: BatchEngine = {
    description: DESCRIPTION,
    async restyle(request, hooks) {
      asked.push(request);
      hooks?.onProgress?.({ phase: 'restyle', step: 1, steps: 1 });
      return dot(request.image.data[0]! + 100 * request.styles[0]!.strength);
    },
    describeStyle: async () => ({}),
    dispose: async () => undefined,
    ...over,
  };
  const slot: SlotHost = {
    openEngine: over.openEngine ?? (async () => engine),
    codec: {
      decodeImage: async (name, bytes) => (decoded.push(name), dot(bytes[0]!)),
      encodePng: over.encodePng ?? (async ({ data }) => Buffer.alloc(100, data[0])),
    },
  };
  return { slot, decoded, asked };
}
const dot = (value: number): Image => image(1, 1, Uint8ClampedArray.of(value, 0, 0, 255));

function order(key: string, strengths: readonly number[] = [1], over: Partial<JobOrder> = {}): JobOrder {
  const input = at('in', `${key}.png`);
  const bytes = Buffer.from([key.charCodeAt(0) - 96]);
  writeFileSync(input, bytes);
  const outputs = strengths.map((strength) => ({
    ...{ path: at('out', `${key}-${strength}.png`), id: sha256(`${key} ${strength}`), strengths: [strength] },
  }));
  return {
    ...{ job: { key, input, inputSha: sha256(bytes), outputs }, root: at('out'), inputs: [at('in')] },
    ...{ settings: { steps: 4 }, overwrite: false, styles: ['ink'], ...over },
  };
}

const open = async (slot: SlotHost): Promise<void> => {
  serveSlot(slot);
  tell({ kind: 'open', id: 1, options: { threads: 1 } });
  tell({ kind: 'style', sha: 'ink', file: Uint8Array.of(7) });
  expect(await answer(1)).toEqual({ id: 1, kind: 'ready', description: DESCRIPTION });
};

test('the outputs that are missing are made, each with its strength, and nothing else is left', async () => {
  const { slot, asked } = host();
  await open(slot);
  mkdirSync(at('out/.diptych/tmp'));
  for (const draft of ['a.1', 'ab.1']) writeFileSync(at('out/.diptych/tmp', draft), '');
  const job = order('a', [0.5, 1]);
  tell({ kind: 'order', id: 2, order: job });
  expect(await answer(2)).toMatchObject({
    kind: 'done',
    reply: { result: { width: 1, height: 1, seconds: expect.any(Number), engineSeconds: expect.any(Number) } },
  });
  expect(said.slice(1).map(({ kind }) => kind)).toEqual(['progress', 'progress', 'computed', 'done']);
  expect(asked.map(({ styles, steps }) => [styles, steps])).toEqual([
    [[{ file: Uint8Array.of(7), strength: 0.5 }], 4],
    [[{ file: Uint8Array.of(7), strength: 1 }], 4],
  ]);
  for (const [i, value] of [51, 101].entries()) {
    const { path, id } = job.job.outputs[i]!;
    expect([await findOutput(path, id), readFileSync(path)[0]]).toEqual(['same', value]);
  }
  // Drafts of this job are of a process that was killed; those of another job are its own.
  expect(readdirSync(at('out/.diptych/tmp'))).toEqual(['ab.1']);

  rmSync(job.job.outputs[0]!.path);
  tell({ kind: 'order', id: 3, order: job });
  expect((await answer(3)).kind).toBe('done');
  expect([asked.length, asked.at(-1)!.styles[0]!.strength]).toEqual([3, 0.5]);
});

test('the engine takes the next order while files of the one before are written; its input was read ahead once', async () => {
  let write = (): void => undefined;
  const gate = new Promise<void>((resolve) => (write = resolve));
  const encodePng = async ({ data }: Image): Promise<Uint8Array> => {
    if (data[0] === 101) await gate;
    return Buffer.alloc(100, data[0]);
  };
  const { slot, asked, decoded } = host({ encodePng });
  await open(slot);
  const [first, second] = [order('a'), order('b')];
  tell({ kind: 'order', id: 2, order: first });
  for (let i = 0; i < 2; i++) tell({ kind: 'expect', order: second });
  await until(() => decoded.length === 2);
  tell({ kind: 'order', id: 3, order: second });
  expect((await answer(3)).kind).toBe('done');
  expect([asked.length, existsSync(first.job.outputs[0]!.path)]).toEqual([2, false]);
  write();
  expect((await answer(2)).kind).toBe('done');
  expect(existsSync(first.job.outputs[0]!.path)).toBe(true);
  expect(decoded.sort()).toEqual([first.job.input, second.job.input]);
});

test('an order that brought its input gets its results back, and no disk is touched', async () => {
  const { slot } = host();
  await open(slot);
  const brought = { ...order('a', [0.5, 1]), bytes: Uint8Array.of(1) };
  rmSync(brought.job.input);
  rmSync(at('out'), { recursive: true });
  tell({ kind: 'order', id: 2, order: brought });
  const done = (await answer(2)) as Extract<FromSlot, { kind: 'done' }>;
  expect(done.reply.files!.map((file) => file[0])).toEqual([51, 101]);
  expect(existsSync(at('out'))).toBe(false);
});

test('an order that fails says of what kind it was, and the next one is done', async () => {
  const errors = [new InputError('bad'), new MachineError('full'), new DeviceError('lost'), new Error('a\n  defect')];
  const { slot } = host({
    restyle: async ({ image: picture }) => {
      const error = errors.shift();
      if (error) throw error;
      return picture;
    },
  });
  await open(slot);
  const job = order('a');
  for (let id = 2; id < 6; id++) tell({ kind: 'order', id, order: job });
  await answer(5);
  expect(said.slice(1)).toEqual([
    { id: 2, kind: 'failed', error: { kind: 'input', message: 'bad' } },
    { id: 3, kind: 'failed', error: { kind: 'machine', message: 'full' } },
    { id: 4, kind: 'failed', error: { kind: 'device', message: 'lost' } },
    { id: 5, kind: 'failed', error: { kind: 'defect', message: 'a defect' } },
  ]);
  // What happens to files meanwhile is this picture's own fault.
  writeFileSync(job.job.input, 'changed');
  tell({ kind: 'order', id: 6, order: job });
  expect(await answer(6)).toMatchObject({ error: { kind: 'input', message: expect.stringContaining('was changed') } });
  const other = order('b');
  writeFileSync(other.job.outputs[0]!.path, 'of another program');
  tell({ kind: 'order', id: 7, order: other });
  expect(await answer(7)).toMatchObject({
    error: { kind: 'input', message: expect.stringMatching(/another program has written it meanwhile; move it/) },
  });
  expect(readFileSync(other.job.outputs[0]!.path, 'utf8')).toBe('of another program');
  tell({ kind: 'order', id: 8, order: { ...other, overwrite: true } });
  expect((await answer(8)).kind).toBe('done');
  expect(await findOutput(other.job.outputs[0]!.path, other.job.outputs[0]!.id)).toBe('same');
});

test('a result that cannot be written fails its order', async () => {
  const { slot } = host({ encodePng: () => Promise.reject(new InputError('no')) });
  await open(slot);
  tell({ kind: 'order', id: 2, order: order('a', [0.5]) });
  expect(await answer(2)).toEqual({ id: 2, kind: 'failed', error: { kind: 'input', message: 'no' } });
  expect(said.map(({ kind }) => kind)).toEqual(['ready', 'progress', 'computed', 'failed']);
  expect(readdirSync(at('out'))).toEqual(['.diptych']);
});

test('styles are asked about by name, with force where it is given; those forgotten are gone', async () => {
  const seen: unknown[] = [];
  const describeStyle = async (...style: unknown[]): Promise<object> => {
    seen.push(style);
    if (style[0] === 'bad') throw new InputError('bad: is no style');
    return {};
  };
  const { slot } = host({ describeStyle });
  await open(slot);
  tell({ kind: 'check', id: 2, styles: [{ name: 'a', sha: 'ink' }], force: true });
  expect(await answer(2)).toEqual({ id: 2, kind: 'checked' });
  tell({ kind: 'check', id: 3, styles: [{ name: 'bad', sha: 'ink' }], force: false });
  expect(await answer(3)).toMatchObject({ kind: 'failed', error: { kind: 'input', message: 'bad: is no style' } });
  tell({ kind: 'forget styles' });
  tell({ kind: 'check', id: 4, styles: [{ name: 'c', sha: 'ink' }], force: false });
  await answer(4);
  expect(seen).toEqual([
    ['a', Uint8Array.of(7), true],
    ['bad', Uint8Array.of(7), false],
    ['c', undefined, false],
  ]);
});

test('a model that cannot be opened is said, and the process ends; so it does when the one above is gone', async () => {
  const { slot } = host({ openEngine: () => Promise.reject(new InputError('m: is gone')) });
  serveSlot(slot);
  tell({ kind: 'order', id: 1, order: order('a') });
  expect(await answer(1)).toMatchObject({ kind: 'failed', error: { kind: 'defect' } });
  tell({ kind: 'open', id: 2, options: {} });
  expect(await answer(2)).toEqual({ id: 2, kind: 'refused', error: { kind: 'input', message: 'm: is gone' } });
  expect(exits).toEqual([1]);
  // A terminal's signals reach it too; the process above decides.
  happen('SIGINT');
  happen('SIGTERM');
  expect(exits).toEqual([1]);
  happen('disconnect');
  expect(exits).toEqual([1, 0]);
  Object.assign(process, { send: undefined });
  expect(() => serveSlot(slot)).toThrow('this program is started by diptych batch and diptych worker only');
});
