/**
 * How a page learns that a worker is gone. Some end without an error event, when the browser is short of memory or the
 * script closes itself. Two things tell: a lock that the worker holds is given back (Web Locks, in secure contexts), and a
 * port that it holds is closed (HTML, "close" event of MessagePort; Node, and browsers that have it). Where there is
 * neither, as in a panel without a server, the watchdog finds out.
 */

/** The message that carries both. Comlink leaves it alone: it holds no call. */
interface LifeMessage {
  readonly life: MessagePort;
  readonly lock: string;
}

/** Undefined in documents that are no secure contexts, and in Node. */
const locks = (): LockManager | undefined =>
  (globalThis as { navigator?: { readonly locks?: LockManager } }).navigator?.locks;

/**
 * @param onGone is called once, when the worker is gone.
 * @returns a function that ends the watch; call it before the worker is ended on purpose.
 */
export function watchLife(worker: Pick<Worker, 'postMessage'>, onGone: () => void): () => void {
  const { port1, port2 } = new MessageChannel();
  const lock = `diptych-worker-${Math.random().toString(36).slice(2)}`;
  const waiting = new AbortController();
  const forget = (): void => {
    waiting.abort();
    port1.removeEventListener('close', gone);
    port1.close();
  };
  const gone = (): void => {
    if (waiting.signal.aborted) return;
    forget();
    onGone();
  };
  port1.addEventListener('close', gone);
  // The worker says when it holds the lock: whoever asks for it from then on gets it when the worker is gone.
  port1.addEventListener('message', () => {
    locks()
      ?.request(lock, { signal: waiting.signal }, gone)
      .catch(() => undefined);
  });
  port1.start();
  worker.postMessage({ life: port2, lock } satisfies LifeMessage, [port2]);
  return forget;
}

/** Ports that would be closed if they were collected. */
const held: MessagePort[] = [];

/** In the worker, before its first message: holds what it is given, and makes messages that cannot be read its errors. */
export function keepLife(): void {
  addEventListener('message', ({ data }: MessageEvent<Partial<LifeMessage> | null>) => {
    if (!data?.life || data.lock === undefined) return;
    const { life, lock } = data;
    held.push(life);
    locks()
      ?.request(lock, () => {
        life.postMessage('held');
        return new Promise<never>(() => undefined);
      })
      .catch(() => undefined);
  });
  addEventListener('messageerror', () => {
    throw new Error('a message to the worker could not be read');
  });
}
