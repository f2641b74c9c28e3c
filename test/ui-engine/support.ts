/** Workers that run in the test's own process and can be made to break down. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import * as Comlink from 'comlink';
import nodeEndpoint from 'comlink/dist/umd/node-adapter';
import type { Connect } from '../../ui/engine/connection';

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

/** Comlink's own channels too: the end that a dead worker held is never closed here, and would keep the test running. */
globalThis.MessageChannel = class extends globalThis.MessageChannel {
  constructor() {
    super();
    ports.push(this.port1 as unknown as MessagePort, this.port2 as unknown as MessagePort);
  }
};

export interface TestWorker<S> {
  readonly service: S;
  /** As if an error had ended the worker. */
  fail(why: string): void;
  ended: boolean;
}

/** Connects to a new service each time; `workers` holds all so far. */
export function workersOf<S>(make: (nth: number) => S): { connect: Connect; workers: TestWorker<S>[] } {
  const workers: TestWorker<S>[] = [];
  const connect: Connect = async () => {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    let report: (why: string) => void = () => undefined;
    const worker: TestWorker<S> = { service: make(workers.length), ended: false, fail: (why) => report(why) };
    workers.push(worker);
    Comlink.expose(worker.service, nodeEndpoint(port1));
    return {
      endpoint: nodeEndpoint(port2),
      onFailure: (listener) => (report = listener),
      end: () => {
        worker.ended = true;
        port1.close();
      },
    };
  };
  return { connect, workers };
}

/** What a promise was rejected with. */
export const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: Error) => error,
  );
