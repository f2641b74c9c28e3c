/**
 * The journal of a batch on this machine: DIR/.diptych/NAME.jsonl, a line of JSON for each thing that happened, written
 * as it happens. It says what failed and why; what is done the output files say themselves (mark.ts).
 */
import { createWriteStream, type WriteStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
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

/** The batches whose journals lie in DIR, the latest first. Throws an InputError when there is none. */
export async function readJournals(output: string): Promise<BatchStatus[]> {
  const folder = join(output, OWN_FOLDER);
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.jsonl'));
  if (names.length === 0) {
    throw new InputError(`${output}: no batch was run into this folder; give the -o of one, or --queue URL`);
  }
  const found = await Promise.all(names.map((name) => readJournal(join(folder, name))));
  return found.filter((status) => status !== undefined).sort((a, b) => b.spec.created - a.spec.created);
}

/** Undefined when the file does not begin as a journal. */
export async function readJournal(path: string, now: number = Date.now()): Promise<BatchStatus | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new InputError(`${path}: cannot be read (${messageOf(error)}); check its permissions`);
  });
  const lines = text.split('\n').flatMap(parseLine);
  const head = lines[0];
  return head?.event === 'batch' ? statusOf(head, lines, now) : undefined;
}

/** The last line of a killed run may be cut short. */
function parseLine(text: string): Line[] {
  try {
    return text === '' ? [] : [JSON.parse(text) as Line];
  } catch {
    return [];
  }
}

function statusOf(head: Line & { event: 'batch' }, lines: readonly Line[], now: number): BatchStatus {
  const running = new Set<string>();
  const delayed = new Set<string>();
  const failures = new Map<string, JobFailure>();
  const recent: FinishedPicture[] = [];
  let done = 0;
  const times: number[] = [head.time];
  let ended: BatchState | undefined;
  for (const line of lines) {
    if (line.event === 'batch') continue;
    if (line.event === 'end') {
      ended = line.state;
      continue;
    }
    const { key, input, time } = line;
    running.delete(key);
    delayed.delete(key);
    if (line.event === 'started') running.add(key);
    if (line.event === 'retry') delayed.add(key);
    if (line.event === 'failed') failures.set(key, { key, input, reason: line.reason, tries: line.tries });
    if (line.event === 'done') times.push(time);
    if (line.event !== 'done' && line.event !== 'there') continue;
    done++;
    recent.push({ key, input, outputs: line.outputs, time });
    if (recent.length > 2 * RECENT_SHOWN) recent.splice(0, RECENT_SHOWN);
  }
  const alive = ended === undefined && isAlive(head.process);
  const waiting = head.total - done - failures.size - running.size - delayed.size;
  const perSecond = alive ? (ratePerSecond(times.slice(-200), now) ?? null) : null;
  return {
    name: head.spec.name,
    // A run that was killed wrote no last line.
    state: ended ?? (alive ? 'running' : 'stopped'),
    total: head.total,
    counts: { done, failed: failures.size, running: running.size, waiting, delayed: delayed.size },
    perSecond,
    secondsLeft: secondsLeft(head.total - done - failures.size, perSecond),
    failures: [...failures.values()].slice(0, FAILURES_SHOWN),
    refusals: [],
    recent: recent.slice(-RECENT_SHOWN).reverse(),
    retryable: false,
    spec: head.spec,
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
