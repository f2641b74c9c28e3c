/** A process as its supervisor sees it: it says what it is at and what it keeps, and ends when it is asked to. */
import type { Hooks } from '../../engine/requests';
import { watchLeftovers } from '../terminal/ending';
import type { CommandEngine, Io } from '../io';
import type { FromSupervised, Kept, ToSupervised } from './messages';

/** Set by the supervisor for its process. */
export const SUPERVISED = 'DIPTYCH_SUPERVISED';

/** Progress is told this often at most, ms. */
const TELL_MS = 200;

/** Whether a supervisor started this process. */
export function isSupervised(): boolean {
  return process.env[SUPERVISED] === '1' && process.send !== undefined;
}

function tell(message: FromSupervised): void {
  // The supervisor may have been killed.
  if (process.connected) process.send!(message, () => undefined);
}

/** @returns a signal that fires when the supervisor asks to end, or is gone. */
export function obeySupervisor(): AbortSignal {
  const controller = new AbortController();
  process.on('message', ({ kind }: ToSupervised) => {
    if (kind !== 'end') return;
    controller.abort();
    tell({ kind: 'ending' });
  });
  process.on('disconnect', () => controller.abort());
  // A terminal sends these to both; the supervisor decides.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
  process.on('SIGTERM', () => controller.abort());
  watchLeftovers((files) => tell({ kind: 'leftovers', files }));
  // The channel alone must not keep the program from ending.
  process.channel?.unref();
  return controller.signal;
}

/** What a supervised process puts in place of its Io. */
export function supervisedIo(io: Io): Io {
  return {
    ...io,
    keep: (kept: Kept) => tell({ kind: 'kept', kept }),
    openEngine: async (...request) => watched(await atWork(() => io.openEngine(...request))),
  };
}

/** Tells the supervisor that the program is over. */
export function tellOver(code: number): void {
  tell({ kind: 'over', code });
}

async function atWork<T>(work: () => Promise<T>): Promise<T> {
  tell({ kind: 'working' });
  try {
    return await work();
  } finally {
    tell({ kind: 'resting' });
  }
}

function watched(engine: CommandEngine): CommandEngine {
  let told = 0;
  const watch = (hooks: Hooks = {}): Hooks => ({
    ...hooks,
    onProgress: (progress) => {
      if (performance.now() - told > TELL_MS) {
        told = performance.now();
        tell({ kind: 'progress' });
      }
      hooks.onProgress?.(progress);
    },
  });
  return {
    description: engine.description,
    learn: (request, hooks) => atWork(() => engine.learn(request, watch(hooks))),
    restyle: (request, hooks) => atWork(() => engine.restyle(request, watch(hooks))),
    imagine: (request, hooks) => atWork(() => engine.imagine(request, watch(hooks))),
    describeStyle: (...style) => engine.describeStyle(...style),
    dispose: () => engine.dispose(),
  };
}
