/** A worker as its users see it: something to talk to, which may break down. */
import type * as Comlink from 'comlink';
import { watchLife } from '../../engine/worker/life';

export interface Connection {
  readonly endpoint: Comlink.Endpoint;
  /** Calls back, once, when no answer will come any more. */
  onFailure(report: (why: string) => void): void;
  end(): void;
}

export type Connect = () => Promise<Connection>;

/** Starts a worker from the address of a classic script. */
export function workerAt(address: () => Promise<string>): Connect {
  return async () => {
    const worker = new Worker(await address());
    let report: (why: string) => void = () => undefined;
    let failed: string | undefined;
    const fail = (why: string): void => {
      if (failed !== undefined) return;
      failed = why;
      report(why);
    };
    worker.addEventListener('error', (event) => {
      // Otherwise the page reports it a second time, as an error nobody handled.
      event.preventDefault();
      fail(event.message || 'its script could not be loaded');
    });
    worker.addEventListener('messageerror', () => fail('an answer could not be read'));
    const forget = watchLife(worker, () => fail('it ended without an error, as workers do when memory is short'));
    return {
      endpoint: worker,
      onFailure: (listener) => {
        report = listener;
        if (failed !== undefined) listener(failed);
      },
      end: () => {
        forget();
        worker.terminate();
      },
    };
  };
}
