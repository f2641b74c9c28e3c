/** A slot as the process above sees it: a child process that is started when there is work and again when it died. */
import { fork, type ChildProcess } from 'node:child_process';
import type { EngineDescription } from '../../engine/engine';
import { Watchdog } from '../../engine/worker/watchdog';
import { DeviceError } from '../../engine/errors';
import { messageOf } from '../../engine/weights/source';
import { oneLine, restoredError, SlotError } from '../errors';
import type { SlotEngineOptions } from '../host';
import type { JobOrder, JobReply } from '../job';
import type { FromSlot, NamedStyle, SlotAnswer, ToSlot } from './messages';

export interface SlotOptions {
  /** The program that calls serveSlot. */
  readonly program: string;
  readonly engine: SlotEngineOptions;
  /** Silence in the middle of an order that means that the process hangs, ms. */
  readonly silenceMs?: number;
}

/** A step of a large net takes minutes on the CPU, and its parts report nothing. */
const SILENCE_MS = 3_600_000;

/** Style files kept by a slot; past this many all are forgotten, and those needed are sent again. */
const STYLES_KEPT = 8;

/** The end of what a process wrote to standard error, kept for the reason of its death. */
const TAIL_BYTES = 2000;

/** The process of a slot ended in the middle of an order or while it opened its model. */
export class SlotDiedError extends Error {
  override readonly name = 'SlotDiedError';
}

/** A question without its answer. */
interface Waiting {
  readonly resolve: (answer: SlotAnswer) => void;
  readonly reject: (error: Error) => void;
  readonly onComputed: () => void;
}

/** What becomes of an order. */
export interface OrderHooks {
  /** It is with the process. */
  readonly onSent?: () => void;
  /** The process can take the next one; it writes this one's files. */
  readonly onComputed?: () => void;
}

/** A question before it has its number. */
type Question = Extract<ToSlot, { id: number }> extends infer Q ? (Q extends unknown ? Omit<Q, 'id'> : never) : never;

export class Slot {
  readonly #options: SlotOptions;
  #child: ChildProcess | undefined;
  #description: EngineDescription | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  /** Resolves when no files are written any more. */
  #written: Promise<unknown> = Promise.resolve();
  /** Why this side ended the process. */
  #ended: string | undefined;
  /** Whether the process has begun an order. */
  #used = false;
  /** Whether no process may be started any more. */
  #over = false;
  readonly #watchdog: Watchdog;
  readonly #styles = new Set<string>();

  constructor(options: SlotOptions) {
    this.#options = options;
    this.#watchdog = new Watchdog(options.silenceMs ?? SILENCE_MS, (ms) => {
      this.#ended = `did not answer for ${Math.round(ms / 1000)} seconds and was ended`;
      this.killNow();
    });
  }

  /**
   * Starts the process if it does not run and waits until its model is open.
   *
   * @throws the engine's error when the model cannot be opened; SlotDiedError.
   */
  async start(): Promise<EngineDescription> {
    if (this.#child && this.#description) return this.#description;
    if (this.#over) throw new SlotDiedError('the process that worked on it was ended');
    const child = fork(this.#options.program, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child = child;
    this.#ended = undefined;
    this.#description = undefined;
    this.#used = false;
    this.#styles.clear();
    let tail = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (tail = (tail + text).slice(-TAIL_BYTES)));
    child.on('message', (message) => this.#hear(message as FromSlot));
    const ended = (why: string): void => {
      // One that ended before is no news of the one that runs now.
      if (this.#child !== child) return;
      this.#child = undefined;
      const said = tail.trim().split('\n').at(-1);
      const error = new SlotDiedError(oneLine(`the process that worked on it ${why}${said ? `: ${said}` : ''}`));
      for (const id of [...this.#waiting.keys()]) this.#take(id)?.reject(error);
    };
    child.on('error', (error) => ended(`could not be started (${error.message})`));
    child.on('exit', (code, signal) => ended(this.#ended ?? describeExit(code, signal)));
    const message = await this.#ask({ kind: 'open', options: this.#options.engine });
    if (message.kind === 'refused') {
      await this.#end();
      throw restoredError(message.error);
    }
    if (message.kind !== 'ready') throw new Error(`a slot answered ${message.kind} to open`);
    this.#description = message.description;
    return message.description;
  }

  /**
   * One order; the next one may be given once it is computed. A process whose device was lost or ran out of memory is
   * ended: every later order would fail in it. Unless the order was its first, the order is then done once more in a new
   * one.
   *
   * @param styles the files that the order names, by their SHA-256.
   * @throws what runJob throws; SlotDiedError; SlotError when the process cannot be started or open its model.
   */
  async run(order: JobOrder, styles: ReadonlyMap<string, Uint8Array>, hooks: OrderHooks = {}): Promise<JobReply> {
    for (;;) {
      await this.#startForOrder();
      const isFirst = !this.#used;
      this.#used = true;
      this.#give(order.styles, styles);
      const before = this.#written;
      const answer = this.#ask({ kind: 'order', order }, hooks.onComputed);
      this.#written = Promise.allSettled([before, answer]);
      hooks.onSent?.();
      const message = await answer;
      if (message.kind === 'done') return message.reply;
      if (message.kind !== 'failed') throw new Error(`a slot answered ${message.kind} to an order`);
      const error = restoredError(message.error);
      if (!(error instanceof DeviceError)) throw error;
      // The files of the order before need no device.
      await before;
      await this.#end();
      if (isFirst) throw error;
    }
  }

  /** The order is likely to be the next one: its input can be read while the one before is computed. */
  expect(order: JobOrder): void {
    this.#send({ kind: 'expect', order });
  }

  /** The model was open when the work began, so that what keeps it from opening now is no fault of an order. */
  async #startForOrder(): Promise<void> {
    try {
      await this.start();
    } catch (error) {
      throw new SlotError(`the model cannot be opened on this machine: ${oneLine(messageOf(error))}`);
    }
  }

  /** Throws an InputError when a style is none, or one of another base model. */
  async check(named: readonly NamedStyle[], styles: ReadonlyMap<string, Uint8Array>, force = false): Promise<void> {
    await this.start();
    this.#give(
      named.map(({ sha }) => sha),
      styles,
    );
    const message = await this.#ask({ kind: 'check', styles: named, force });
    if (message.kind === 'failed') throw restoredError(message.error);
  }

  /** Process id while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** The same without waiting, for a process that is ending itself. */
  killNow(): void {
    this.#child?.kill('SIGKILL');
  }

  /** Ends the process at once, for good. What it was writing was a temporary file. */
  async kill(): Promise<void> {
    this.#over = true;
    await this.#end();
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.kill('SIGKILL');
    });
  }

  /** Sends the styles that the process does not have. */
  #give(shas: readonly string[], styles: ReadonlyMap<string, Uint8Array>): void {
    if (this.#styles.size > STYLES_KEPT) {
      this.#send({ kind: 'forget styles' });
      this.#styles.clear();
    }
    for (const sha of shas) {
      if (this.#styles.has(sha)) continue;
      this.#send({ kind: 'style', sha, file: styles.get(sha)! });
      this.#styles.add(sha);
    }
  }

  #send(message: ToSlot): void {
    // A process that is gone is reported by its exit.
    this.#child?.send(message, () => undefined);
  }

  #ask(question: Question, onComputed: () => void = () => undefined): Promise<SlotAnswer> {
    return new Promise((resolve, reject) => {
      if (!this.#child) return reject(new SlotDiedError('the process that works on pictures ended'));
      const id = ++this.#asked;
      this.#waiting.set(id, { resolve, reject, onComputed });
      this.#watchdog.start();
      this.#send({ ...question, id });
    });
  }

  #hear(message: FromSlot): void {
    this.#watchdog.heard();
    if (message.kind === 'computed') this.#waiting.get(message.id)?.onComputed();
    else if (message.kind !== 'progress') this.#take(message.id)?.resolve(message);
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#watchdog.stop();
    return waiting;
  }
}

function describeExit(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === 'SIGKILL') return 'was killed (SIGKILL; by the system when memory is short)';
  return signal ? `was ended by ${signal}` : `ended with code ${code}`;
}
