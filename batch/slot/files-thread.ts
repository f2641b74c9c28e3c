/**
 * The files of jobs in a thread of their own. ONNX Runtime and the engine's own loops hold the thread they run on, so that
 * an input is decoded and an output encoded and synced only in another one while a net computes.
 */
import { parentPort, Worker } from 'node:worker_threads';
import type { Image } from '../../engine/image/image';
import { plainError, restoredError, type PlainError } from '../errors';
import type { BegunJob, JobFiles, PictureCodec } from '../host';
import type { JobOrder } from '../job';
import { DiskFiles } from './job-files';

type ToThread =
  | { readonly kind: 'expect'; readonly order: JobOrder }
  | { readonly kind: 'begin'; readonly id: number; readonly order: JobOrder }
  | {
      readonly kind: 'write';
      readonly id: number;
      readonly order: JobOrder;
      readonly index: number;
      readonly picture: Image;
    };

type FromThread = { readonly id: number } & (
  { readonly value: BegunJob | Uint8Array | undefined } | { readonly error: PlainError }
);

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/** The thread as the process of a slot sees it. */
export class FilesThread implements JobFiles {
  readonly #thread: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;

  /** @param program calls serveFiles. */
  constructor(program: string) {
    this.#thread = new Worker(program);
    this.#thread.on('message', (answer: FromThread) => {
      const waiting = this.#waiting.get(answer.id)!;
      this.#waiting.delete(answer.id);
      if ('error' in answer) waiting.reject(restoredError(answer.error));
      else waiting.resolve(answer.value as never);
    });
    // Without it no picture can be done: an error that nobody handles ends the process, and a new one is started.
    this.#thread.on('error', (error) => {
      throw error;
    });
    this.#thread.unref();
  }

  expect(order: JobOrder): void {
    this.#send({ kind: 'expect', order });
  }

  begin(order: JobOrder): Promise<BegunJob> {
    return this.#ask((id) => ({ kind: 'begin', id, order }));
  }

  write(order: JobOrder, index: number, picture: Image): Promise<Uint8Array | undefined> {
    // The input's bytes are not needed again, only that the order brought them.
    const { bytes, ...rest } = order;
    const small = bytes ? { ...rest, bytes: new Uint8Array() } : rest;
    return this.#ask((id) => ({ kind: 'write', id, order: small, index, picture }));
  }

  #ask<T>(message: (id: number) => ToThread): Promise<T> {
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send(message(id));
    });
  }

  #send(message: ToThread): void {
    this.#thread.postMessage(message);
  }
}

/** What the thread does. */
export function serveFiles(codec: PictureCodec): void {
  if (!parentPort) throw new Error('this program is started by a slot only');
  const port = parentPort;
  const files = new DiskFiles(codec);
  const answer = async (message: Exclude<ToThread, { kind: 'expect' }>): Promise<void> => {
    const { id, order } = message;
    try {
      const value =
        message.kind === 'begin' ? await files.begin(order) : await files.write(order, message.index, message.picture);
      port.postMessage({ id, value } satisfies FromThread);
    } catch (error) {
      port.postMessage({ id, error: plainError(error) } satisfies FromThread);
    }
  };
  port.on('message', (message: ToThread) => {
    if (message.kind === 'expect') files.expect(message.order);
    else void answer(message);
  });
}
