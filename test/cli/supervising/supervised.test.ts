/** What a supervised process tells its supervisor, and when it ends. The channel between them is a list here. */
import type { CommandEngine, Io } from '../../../cli/io';
import type { FromSupervised } from '../../../cli/supervising/messages';
import { isSupervised, obeySupervisor, SUPERVISED, supervisedIo, tellOver } from '../../../cli/supervising/supervised';
import { onEnding } from '../../../cli/terminal/ending';
import { CancelledError } from '../../../engine/errors';
import type { ImagineRequest, LearnRequest, Progress } from '../../../engine/requests';
import { standIn } from '../desk';

let told: FromSupervised[];
const own = { send: process.send, connected: process.connected, channel: process.channel };
beforeEach(() => {
  told = [];
  // Without its channel: jest's own must not be let go of.
  Object.assign(process, {
    connected: true,
    channel: undefined,
    send: (message: FromSupervised) => told.push(message),
  });
});
afterEach(() => {
  delete process.env[SUPERVISED];
  Object.assign(process, own);
});
const kinds = (): string[] => told.map(({ kind }) => kind);

test('only a process that a supervisor started is supervised', () => {
  expect(isSupervised()).toBe(false);
  process.env[SUPERVISED] = '1';
  expect(isSupervised()).toBe(true);
  Object.assign(process, { send: undefined });
  expect(isSupervised()).toBe(false);
});

test('it says what it keeps and that it is over, as long as somebody listens', () => {
  const io = supervisedIo({} as Io);
  io.keep!({ text: 'saved' });
  tellOver(3);
  expect(told).toEqual([
    { kind: 'kept', kept: { text: 'saved' } },
    { kind: 'over', code: 3 },
  ]);
  Object.assign(process, { connected: false });
  tellOver(3);
  expect(told).toHaveLength(2);
});

test('each job of the device is told, its progress a few times a second, and its end, also where it fails', async () => {
  const seen: Progress[] = [];
  const progress = (step: number): Progress => ({ phase: 'learn', step, steps: 9 });
  const opened = standIn({
    learn: async (_, hooks) => {
      for (let step = 0; step < 5; step++) hooks?.onProgress?.(progress(step));
      await new Promise((wake) => setTimeout(wake, 220));
      hooks?.onProgress?.(progress(5));
      return { style: new Uint8Array(), losses: [], steps: 5, seconds: 1 };
    },
    imagine: () => Promise.reject(new CancelledError()),
  });
  const io = supervisedIo({ openEngine: opened } as Partial<Io> as Io);
  const engine: CommandEngine = await io.openEngine(...([] as unknown as Parameters<Io['openEngine']>));
  expect(kinds()).toEqual(['working', 'resting']);
  expect(engine.description.model).toBe('stand-in');

  told = [];
  const { signal } = new AbortController();
  await engine.learn({} as LearnRequest, { signal, onProgress: (at) => seen.push(at) });
  expect(seen.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(kinds()).toEqual(['working', 'progress', 'progress', 'resting']);

  told = [];
  await expect(engine.imagine({} as ImagineRequest)).rejects.toThrow(CancelledError);
  expect(kinds()).toEqual(['working', 'resting']);
  await engine.describeStyle('s', new Uint8Array());
  await engine.dispose();
  expect(told).toHaveLength(2);
});

describe('the end', () => {
  const EVENTS = ['message', 'disconnect', 'SIGINT', 'SIGHUP', 'SIGTERM'] as const;
  type Listener = (...about: unknown[]) => void;
  interface Emitter {
    listeners(event: string): Listener[];
    off(event: string, listener: Listener): void;
  }
  const emitter = process as unknown as Emitter;
  const before = new Map<string, Listener[]>();
  beforeAll(() => EVENTS.forEach((event) => before.set(event, emitter.listeners(event))));
  /** Calls what was added for an event, as process.emit would: a real signal would end the tests. */
  const happen = (event: (typeof EVENTS)[number], ...about: unknown[]): void => {
    const added = emitter.listeners(event).filter((each) => !before.get(event)!.includes(each));
    expect(added.length).toBeGreaterThan(0);
    for (const listener of added) listener(...about);
  };
  afterEach(() => {
    for (const event of EVENTS) {
      for (const listener of emitter.listeners(event)) {
        if (!before.get(event)!.includes(listener)) emitter.off(event, listener);
      }
    }
  });

  test('comes when the supervisor asks for it, and that it was heard is said', () => {
    const signal = obeySupervisor();
    happen('message', { kind: 'other' });
    expect([signal.aborted, told]).toEqual([false, []]);
    happen('message', { kind: 'end' });
    expect([signal.aborted, told]).toEqual([true, [{ kind: 'ending' }]]);
  });

  test.each([
    ['disconnect', true],
    ['SIGTERM', true],
    ['SIGINT', false],
    ['SIGHUP', false],
  ] as const)('%s: %p; what a terminal sends to both, the supervisor decides', (event, ends) => {
    const signal = obeySupervisor();
    happen(event);
    expect([signal.aborted, told]).toEqual([ends, []]);
  });

  test('files that would be left are told as they come and go', () => {
    obeySupervisor();
    const forget = onEnding(() => undefined, { path: '/tmp/draft' });
    forget();
    expect(told).toEqual([
      { kind: 'leftovers', files: [{ path: '/tmp/draft' }] },
      { kind: 'leftovers', files: [] },
    ]);
  });
});
