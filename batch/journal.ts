/**
 * The journal of a batch on this machine: DIR/.diptych/NAME.jsonl, a line of JSON for each thing that happened, written
 * as it happens. It says what failed and why; what is done the output files say themselves (mark.ts).
 */
import { createWriteStream, type WriteStream } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../engine/errors';
import { messageOf } from '../engine/weights/source';
import { folderError } from './errors';
import type { BatchJob, BatchSpec } from './job';
import { OWN_FOLDER, prepareOwnFolder } from './output';
import { ratePerSecond } from './rate';
import {
  FAILURES_SHOWN,
  RECENT_SHOWN,
  secondsLeft,
  type BatchState,
  type BatchStatus,
  type FinishedPicture,
  type JobFailure,
} from './status';

type Entry =
  | { readonly event: 'batch'; readonly spec: BatchSpec; readonly total: number; readonly process: number }
  /** Was there before the run. */
  | { readonly event: 'there'; readonly key: string; readonly input: string; readonly outputs: readonly string[] }
  | { readonly event: 'started'; readonly key: string; readonly input: string }
  | {
      readonly event: 'done';
      readonly key: string;
      readonly input: string;
      readonly outputs: readonly string[];
      readonly seconds: number;
    }
  | {
      readonly event: 'retry' | 'failed';
      readonly key: string;
      readonly input: string;
      readonly reason: string;
      readonly tries: number;
    }
  | { readonly event: 'end'; readonly state: BatchState };

type Line = Entry & { readonly time: number };

export class Journal {
  readonly #stream: WriteStream;
  #error: Error | undefined;

  private constructor(stream: WriteStream, path: string) {
    this.#stream = stream;
    stream.on('error', (error) => (this.#error ??= folderError(path, error)));
  }

  /** Starts the journal of a run; the one of an earlier run of the batch is replaced. */
  static async start(spec: BatchSpec, done: readonly BatchJob[], total: number): Promise<Journal> {
    const path = join(spec.output, OWN_FOLDER, `${spec.name}.jsonl`);
    await prepareOwnFolder(spec.output);
    const journal = new Journal(createWriteStream(path), path);
    journal.write({ event: 'batch', spec, total, process: process.pid });
    for (const { key, input, outputs } of done) {
      journal.write({ event: 'there', key, input, outputs: outputs.map(({ path }) => path) });
    }
    return journal;
  }

  write(entry: Entry): void {
    if (!this.#error) this.#stream.write(`${JSON.stringify({ time: Date.now(), ...entry })}\n`);
  }

  /** The error of an earlier write, such as a full disk. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Writes the last line and closes the file. */
  async end(state: BatchState): Promise<void> {
    this.write({ event: 'end', state });
    await new Promise<void>((resolve) => this.#stream.end(() => resolve()).once('close', () => resolve()));
  }
}

/** The batches whose journals lie in DIR, for one who looks again and again: what was read is not read a second time. */
export class Journals {
  readonly #readers = new Map<string, JournalReader>();
  #last: Promise<unknown> = Promise.resolve();

  /** @param output DIR. */
  constructor(private readonly output: string) {}

  /** The latest first. Throws an InputError when there is none. */
  list(): Promise<BatchStatus[]> {
    // One look at a time: two would read the same lines.
    const looked = this.#last.then(() => this.#look());
    this.#last = looked.catch(() => undefined);
    return looked;
  }

  async #look(): Promise<BatchStatus[]> {
    const folder = join(this.output, OWN_FOLDER);
    const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.jsonl'));
    if (names.length === 0) {
      throw new InputError(`${this.output}: no batch was run into this folder; give the -o of one, or --queue URL`);
    }
    for (const name of this.#readers.keys()) if (!names.includes(name)) this.#readers.delete(name);
    const read = (name: string): Promise<BatchStatus | undefined> => {
      const reader = this.#readers.get(name) ?? new JournalReader(join(folder, name));
      this.#readers.set(name, reader);
      return reader.status(Date.now());
    };
    const found = await Promise.all(names.map(read));
    return found.filter((status) => status !== undefined).sort((a, b) => b.spec.created - a.spec.created);
  }
}

/** So many bytes tell one run's journal from that of another run: they hold the time at which it began. */
const HEAD_BYTES = 64;
const CHUNK_BYTES = 2 ** 20;
const NEWLINE = 10;

/** Reads what was appended to a journal since the last look, and all of it when a new run has replaced it. */
class JournalReader {
  #head: Buffer = Buffer.alloc(0);
  /** Bytes read. */
  #offset = 0;
  /** The beginning of a line that was not written to its end yet. */
  #rest: Buffer = Buffer.alloc(0);
  #story = new JournalStory();

  constructor(private readonly path: string) {}

  /** Undefined while the file does not begin as a journal. */
  async status(now: number): Promise<BatchStatus | undefined> {
    try {
      await this.#read();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new InputError(`${this.path}: cannot be read (${messageOf(error)}); check its permissions`);
    }
    return this.#story.status(now);
  }

  async #read(): Promise<void> {
    const file = await open(this.path, 'r');
    try {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      const { bytesRead: found } = await file.read(chunk, 0, HEAD_BYTES, 0);
      const head = Buffer.from(chunk.subarray(0, found));
      const { size } = await file.stat();
      // A journal only grows, so that what was its head stays so.
      if (size < this.#offset || !head.subarray(0, this.#head.length).equals(this.#head)) this.#forget();
      this.#head = head;
      for (;;) {
        const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, this.#offset);
        if (bytesRead === 0) return;
        this.#offset += bytesRead;
        this.#take(chunk.subarray(0, bytesRead));
      }
    } finally {
      await file.close();
    }
  }

  #take(bytes: Buffer): void {
    const text = Buffer.concat([this.#rest, bytes]);
    const end = text.lastIndexOf(NEWLINE) + 1;
    this.#rest = Buffer.from(text.subarray(end));
    for (const line of text.toString('utf8', 0, end).split('\n')) {
      const entry = parseLine(line);
      if (entry) this.#story.add(entry);
    }
  }

  #forget(): void {
    this.#offset = 0;
    this.#rest = Buffer.alloc(0);
    this.#story = new JournalStory();
  }
}

/** A killed run may leave a line that is cut short. */
function parseLine(text: string): Line | undefined {
  try {
    return text === '' ? undefined : (JSON.parse(text) as Line);
  } catch {
    return undefined;
  }
}

/** What the lines of a journal come to. */
class JournalStory {
  #head: (Line & { readonly event: 'batch' }) | undefined;
  readonly #running = new Set<string>();
  readonly #delayed = new Set<string>();
  readonly #failures = new Map<string, JobFailure>();
  readonly #recent: FinishedPicture[] = [];
  #done = 0;
  /** When the latest pictures were done. */
  readonly #times: number[] = [];
  #ended: BatchState | undefined;

  add(line: Line): void {
    if (line.event === 'batch') {
      this.#head ??= line;
      this.#times.push(line.time);
      return;
    }
    if (line.event === 'end') {
      this.#ended = line.state;
      return;
    }
    const { key, input, time } = line;
    this.#running.delete(key);
    this.#delayed.delete(key);
    if (line.event === 'started') this.#running.add(key);
    if (line.event === 'retry') this.#delayed.add(key);
    if (line.event === 'failed') this.#failures.set(key, { key, input, reason: line.reason, tries: line.tries });
    if (line.event === 'done') this.#times.push(time);
    if (line.event !== 'done' && line.event !== 'there') return;
    this.#done++;
    this.#recent.push({ key, input, outputs: line.outputs, time });
    // Not with every line, for that moves all the others.
    if (this.#recent.length > 2 * RECENT_SHOWN) this.#recent.splice(0, RECENT_SHOWN);
    if (this.#times.length > 2 * TIMES_KEPT) this.#times.splice(0, TIMES_KEPT);
  }

  status(now: number): BatchStatus | undefined {
    const head = this.#head;
    if (!head) return undefined;
    const [running, delayed, failed] = [this.#running.size, this.#delayed.size, this.#failures.size];
    const done = this.#done;
    const alive = this.#ended === undefined && isAlive(head.process);
    const perSecond = alive ? (ratePerSecond(this.#times.slice(-TIMES_KEPT), now) ?? null) : null;
    return {
      name: head.spec.name,
      // A run that was killed wrote no last line.
      state: this.#ended ?? (alive ? 'running' : 'stopped'),
      total: head.total,
      counts: { done, failed, running, waiting: head.total - done - failed - running - delayed, delayed },
      perSecond,
      secondsLeft: secondsLeft(head.total - done - failed, perSecond),
      failures: [...this.#failures.values()].slice(0, FAILURES_SHOWN),
      refusals: [],
      recent: this.#recent.slice(-RECENT_SHOWN).reverse(),
      retryable: false,
      spec: head.spec,
    };
  }
}

/** Pictures that the rate is told from. */
const TIMES_KEPT = 200;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
