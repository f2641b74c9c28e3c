/** A worker as its users see it: something to talk to, which may break down. */
import type * as Comlink from 'comlink';

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
    return {
      endpoint: worker,
      onFailure: (report) =>
        worker.addEventListener('error', (event) => {
          // Otherwise the page reports it a second time, as an error nobody handled.
          event.preventDefault();
          report(event.message || 'its script could not be loaded');
        }),
      end: () => worker.terminate(),
    };
  };
}
