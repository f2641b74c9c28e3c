/** Which signals count, on a clock of the test's own. Real ones are sent in processes.test.ts. */
import { getEventListeners } from 'node:events';
import { CancelledError } from '../../../engine/errors';
import { BEAT_MS, GRACE_MS, obeySignals, orCancelled, REPEAT_MS, type SignalHost } from '../../../cli/terminal/signals';

type EndSignal = Parameters<SignalHost['die']>[0];

function host() {
  const listeners = new Map<EndSignal, () => void>();
  let timers: { at: number; again?: number; call: () => void }[] = [];
  const died: EndSignal[] = [];
  let told = '';
  let now = 0;
  /** Every timer that is due is called once, as after a time in which nothing could be. */
  const wake = (): void => {
    const due = timers.filter(({ at }) => at <= now);
    timers = timers.filter(({ at }) => at > now);
    for (const timer of due) {
      if (timer.again !== undefined) timers.push({ ...timer, at: now + timer.again });
      timer.call();
    }
  };
  const signal = obeySignals({
    on: (name, listener) => listeners.set(name, listener),
    tell: (text) => (told += text),
    now: () => now,
    later: (ms, call) => timers.push({ at: now + ms, call }),
    every: (ms, call) => timers.push({ at: now + ms, again: ms, call }),
    die: (name) => died.push(name),
  });
  return {
    signal,
    died,
    told: () => told,
    send: (name: EndSignal) => listeners.get(name)!(),
    /** Time in which the program is idle. */
    idle(ms: number) {
      for (const end = now + ms; now < end;) {
        now = Math.min(end, ...timers.map(({ at }) => at));
        wake();
      }
    },
    /** Time in which the program hears nothing, such as a call of the device. */
    busy(ms: number) {
      now += ms;
      wake();
    },
  };
}

test('one Ctrl-C delivered several times is one', () => {
  const h = host();
  h.send('SIGINT');
  expect(h.signal.aborted).toBe(true);
  expect(h.told()).toBe('\ncancelling, the work so far is being saved; press Ctrl-C again to stop at once\n');
  for (const ms of [1, 19, 200, REPEAT_MS - 221]) {
    h.idle(ms);
    h.send('SIGINT');
  }
  h.idle(10 * GRACE_MS);
  expect(h.died).toEqual([]);
  expect(h.told().trim().split('\n')).toHaveLength(1);
});

test('nor does it become two by being heard only after a long call of the device', () => {
  const h = host();
  h.send('SIGINT');
  h.busy(30_000);
  h.send('SIGINT');
  expect(h.died).toEqual([]);
  h.idle(3 * BEAT_MS);
  h.send('SIGINT');
  expect(h.died).toEqual(['SIGINT']);
});

test('a second one clearly later stops at once', () => {
  const h = host();
  h.send('SIGINT');
  h.idle(REPEAT_MS + 2 * BEAT_MS);
  h.send('SIGINT');
  expect(h.died).toEqual(['SIGINT']);
});

test.each(['SIGTERM', 'SIGHUP'] as const)('%s is obeyed as Ctrl-C is, and ends the program after a grace', (name) => {
  const h = host();
  h.send(name);
  expect(h.signal.aborted).toBe(true);
  expect(h.told()).toBe('\ncancelling, the work so far is being saved\n');
  h.idle(GRACE_MS - 1);
  expect(h.died).toEqual([]);
  h.idle(1);
  expect(h.died).toEqual([name]);
});

test('SIGTERM after Ctrl-C has its grace too', () => {
  const h = host();
  h.send('SIGINT');
  h.idle(10);
  h.send('SIGTERM');
  h.idle(GRACE_MS);
  expect(h.died).toEqual(['SIGTERM']);
});

test('what cannot be cancelled is not waited for', async () => {
  const controller = new AbortController();
  expect(await orCancelled(Promise.resolve(3), controller.signal)).toBe(3);
  expect(await orCancelled(Promise.resolve(4), undefined)).toBe(4);
  // Work that takes a while, and whose end leaves no listener behind.
  const slow = new Promise((done) => setTimeout(done, 5, 5));
  expect(await orCancelled(slow, controller.signal)).toBe(5);
  expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  const waiting = orCancelled(new Promise(() => undefined), controller.signal);
  controller.abort();
  await expect(waiting).rejects.toThrow(CancelledError);
  await expect(orCancelled(new Promise(() => undefined), controller.signal)).rejects.toThrow(CancelledError);
});
