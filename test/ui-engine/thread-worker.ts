/** A browser's Worker made of a real thread, so that workers can really hang and really vanish. */
import { join } from 'node:path';
import { Worker as Thread } from 'node:worker_threads';

const COMLINK = join(__dirname, '../../node_modules/comlink/dist/umd');
const threads: Thread[] = [];
afterEach(() => Promise.all(threads.splice(0).map((thread) => thread.terminate())));

/**
 * Makes `Worker` start threads that run `script`, which gets Comlink as `expose`, its number from 0 as `nth`, and
 * `hang()` and `vanish()`. Returns what became of them.
 */
export function workersAreThreads(script: string): {
  readonly started: EventTarget[];
  /** Those that were ended by who started them. */
  readonly ended: number[];
  /** Those that run no more. */
  readonly gone: Set<number>;
} {
  const started: EventTarget[] = [];
  const gone = new Set<number>();
  const ended: number[] = [];
  const prelude = `
    const { parentPort, workerData: { nth } } = require('node:worker_threads');
    const Comlink = require(${JSON.stringify(join(COMLINK, 'comlink.js'))});
    const endpoint = require(${JSON.stringify(join(COMLINK, 'node-adapter.js'))})(parentPort);
    const held = [];
    parentPort.on('message', ({ life }) => life && held.push(life));
    const expose = (service) => Comlink.expose(service, endpoint);
    // Blocks the thread as a call of the device does, without taking the processor.
    const hang = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    // Ends the thread without an error event.
    const vanish = () => process.exit();
  `;
  class ThreadWorker extends EventTarget {
    readonly #thread: Thread;
    readonly #nth = started.length;

    constructor() {
      super();
      this.#thread = new Thread(prelude + script, { eval: true, workerData: { nth: this.#nth } });
      threads.push(this.#thread);
      started.push(this);
      // The closing of its ports is heard a little later.
      this.#thread.on('exit', () => setTimeout(() => gone.add(this.#nth), 50));
      this.#thread.on('message', (data: unknown) =>
        this.dispatchEvent(Object.assign(new Event('message'), { data, origin: '' })),
      );
      this.#thread.on('error', (error: Error) =>
        this.dispatchEvent(Object.assign(new Event('error', { cancelable: true }), { message: error.message })),
      );
    }

    postMessage(message: unknown, transfer: readonly never[] = []): void {
      this.#thread.postMessage(message, transfer);
    }

    terminate(): void {
      ended.push(this.#nth);
      void this.#thread.terminate();
    }
  }
  (globalThis as { Worker?: unknown }).Worker = ThreadWorker;
  return { started, ended, gone };
}
