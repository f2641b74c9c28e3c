/** Waiting that a signal ends: a worker does it every second of its life, on one signal. */
import { getEventListeners } from 'node:events';
import { sleep, unlessAborted } from '../../batch/wait';

test('nothing is left on the signal, whichever comes first', async () => {
  const { signal } = new AbortController();
  for (let i = 0; i < 20; i++) {
    await unlessAborted(Promise.resolve(), signal);
    await unlessAborted(Promise.reject(new Error('no')), signal).catch(() => undefined);
    await sleep(0, signal);
  }
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('the signal ends both at once', async () => {
  const stop = new AbortController();
  const waiting = [sleep(60_000, stop.signal), unlessAborted(new Promise(() => undefined), stop.signal)];
  stop.abort();
  await Promise.all(waiting);
  await sleep(60_000, stop.signal);
  await unlessAborted(new Promise(() => undefined), stop.signal);
});
