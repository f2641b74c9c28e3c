/**
 * Runs this program's work in a process of its own. A call of the device blocks a process until it returns, minutes
 * later for a large net; this one hears signals at once, tells the user, and ends the other if it cannot answer. It also
 * notices when the other is killed, as happens when memory is short, or hangs.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { Watchdog } from '../../engine/worker/watchdog';
import { removeLockOf } from '../outputs/lock';
import { printable, printableJson, printableLines } from '../terminal/printable';
import { obeySignals, processSignals, type SignalHost } from '../terminal/signals';
import type { FromSupervised, Kept, Leftover, ToSupervised } from './messages';
import { SUPERVISED } from './supervised';

export interface SupervisionOptions {
  readonly signals: SignalHost;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Time for a process that is asked to end to say that it heard, ms: a device call may keep it from hearing. */
  readonly answerMs?: number;
  /** Time for it to end from then on, ms: its work has to be written. */
  readonly saveMs?: number;
  /** Silence in the middle of a job of the device that means that it hangs, ms. */
  readonly silenceMs?: number;
}

/** A request to end is answered within this time. */
const ANSWER_MS = 1500;
/** A checkpoint of a large model takes seconds to write. */
const SAVE_MS = 30_000;
/** A step of a large net takes minutes on the CPU, and its parts report nothing. */
const SILENCE_MS = 3_600_000;
/** Threads whose work nobody waits for may keep a cancelled process from ending. */
const LINGER_MS = 2000;

/** Exit codes of a process that was ended: as for a cancelled run, and for a defect. */
const CANCELLED = 130;
const FAILED = 1;

/**
 * @param script the program; it runs with the same arguments, in this folder, on this terminal.
 * @returns its exit code.
 */
export async function supervise(script: string, argv: readonly string[], options: SupervisionOptions): Promise<number> {
  const child = fork(script, argv, {
    env: { ...process.env, [SUPERVISED]: '1' },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  return new Supervision(child, argv.includes('--json'), options).code;
}

class Supervision {
  readonly code: Promise<number>;
  readonly #child: ChildProcess;
  readonly #json: boolean;
  readonly #options: SupervisionOptions;
  #kept: Kept | undefined;
  #leftovers: readonly Leftover[] = [];
  /** The code with which the program ended, whatever becomes of its process. */
  #over: number | undefined;
  #ending = false;
  #asked = false;
  /** Why the process was ended. */
  #reason: 'cancelled' | 'hung' | undefined;
  readonly #watchdog: Watchdog;

  constructor(child: ChildProcess, json: boolean, options: SupervisionOptions) {
    this.#child = child;
    this.#json = json;
    this.#options = options;
    this.#watchdog = new Watchdog(options.silenceMs ?? SILENCE_MS, () => this.#kill('hung'));
    const signal = obeySignals({
      ...options.signals,
      // The process goes first; its end is reported, and this one ends by its code.
      die: () => this.#kill('cancelled'),
    });
    signal.addEventListener('abort', () => this.#end());
    child.on('message', (message: FromSupervised) => this.#hear(message));
    this.code = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code, by) => {
        this.#watchdog.stop();
        resolve(this.#report(code, by));
      });
    });
  }

  #hear(message: FromSupervised): void {
    switch (message.kind) {
      case 'ending':
        this.#ending = true;
        setTimeout(() => this.#kill('cancelled'), this.#options.saveMs ?? SAVE_MS).unref();
        return;
      case 'working':
        return this.#watchdog.start();
      case 'progress':
        return this.#watchdog.heard();
      case 'resting':
        return this.#watchdog.stop();
      case 'kept':
        this.#kept = message.kept;
        return;
      case 'leftovers':
        this.#leftovers = message.files;
        return;
      case 'over':
        this.#over = message.code;
        if (this.#ending) setTimeout(() => this.#child.kill('SIGKILL'), LINGER_MS).unref();
    }
  }

  #end(): void {
    this.#asked = true;
    this.#child.send({ kind: 'end' } satisfies ToSupervised, () => undefined);
    setTimeout(() => {
      if (!this.#ending) this.#kill('cancelled');
    }, this.#options.answerMs ?? ANSWER_MS).unref();
  }

  #kill(reason: 'cancelled' | 'hung'): void {
    this.#reason ??= reason;
    this.#child.kill('SIGKILL');
  }

  /** Says what became of a process that could not say it itself. */
  #report(code: number | null, by: NodeJS.Signals | null): number {
    if (code !== null) return code;
    if (this.#over !== undefined) return this.#over;
    // A terminal's Ctrl-C reaches both processes: it ends one that does not listen yet.
    if (this.#asked && by !== 'SIGKILL') this.#reason ??= 'cancelled';
    for (const { path, lock } of this.#leftovers) {
      if (lock) removeLockOf(this.#child.pid!, path);
      else rmSync(path, { force: true });
    }
    const kept = this.#kept?.file === undefined || existsSync(this.#kept.file) ? this.#kept : undefined;
    const { text = 'nothing was done yet', hint, json } = kept ?? {};
    const message = `${this.#describeEnd(by)}; ${text}`;
    const exitCode = this.#reason === 'cancelled' ? CANCELLED : FAILED;
    this.#options.err(`diptych: ${printable(message)}\n`);
    if (hint !== undefined) this.#options.err(`${printableLines(hint)}\n`);
    if (this.#json) this.#options.out(`${printableJson({ error: message, exitCode, ...json })}\n`);
    return exitCode;
  }

  #describeEnd(by: NodeJS.Signals | null): string {
    if (this.#reason === 'cancelled') return by === 'SIGKILL' ? 'cancelled in the middle of a step' : 'cancelled';
    if (this.#reason === 'hung')
      return 'the device did not answer any more, and the process was ended; try --device cpu';
    if (by === 'SIGKILL')
      return 'the process was killed (SIGKILL, by the system when memory is short; try a smaller --size)';
    return `the process was ended by ${by}`;
  }
}

/** Supervises the running script: it is started again with the same arguments. Sets the exit code of this process. */
export async function superviseEntry(script: string, argv: readonly string[]): Promise<void> {
  // A log that fills the disk or a closed terminal must not cost the work it tells of.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  process.exitCode = await supervise(script, argv, {
    signals: processSignals(),
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  });
}
