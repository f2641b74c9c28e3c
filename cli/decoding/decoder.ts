/** The decoding process as the commands use it: started when first needed, ended when a picture costs too much. */
import { fork, type ChildProcess } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CancelledError, InputError } from '../../engine/errors';
import { image, IMAGE_LIMITS, type Image } from '../../engine/image/image';
import { packageRoot } from '../package-root';
import { builtFile } from '../terminal/system-errors';
import { LIMITS, type Answer, type Limits, type Request } from './protocol';

/** The child watches its own time; the parent waits this many times as long, and for its start, ms, before it is hung. */
const PATIENCE = 4;
const START_TIME = 20_000;

const SIMPLER = 'give a simpler or smaller file, or export it as PNG';

/** Where the build puts child.ts. */
const CHILD = 'dist/cli/decoding.mjs';

export class Decoder {
  #child: ChildProcess | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #asked = 0;

  constructor(private readonly limits: Limits = LIMITS) {}

  /** @throws InputError when the file is not decodable or costs too much, CancelledError when the signal fires. */
  async decode(file: Uint8Array, name: string, signal?: AbortSignal): Promise<Image> {
    const { width, height, data } = await this.#inTurn({ file, name, keepPixels: true }, signal);
    return image(width, height, data!);
  }

  /** As `decode`, for the errors alone. */
  async check(file: Uint8Array, name: string, signal?: AbortSignal): Promise<void> {
    await this.#inTurn({ file, name, keepPixels: false }, signal);
  }

  /** Ends the process; the next picture starts another. */
  end(): void {
    // Nothing softer: it may be inside libvips, which hears no signal.
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }

  /** One picture at a time: two large ones would share one limit. */
  #inTurn(request: Pick<Request, 'file' | 'name' | 'keepPixels'>, signal: AbortSignal | undefined) {
    const turn = this.#last.then(() => this.#ask(request, signal));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  #ask(request: Pick<Request, 'file' | 'name' | 'keepPixels'>, signal: AbortSignal | undefined) {
    if (signal?.aborted) return Promise.reject(new CancelledError());
    const { name } = request;
    const { limits } = this;
    const id = ++this.#asked;
    const child = (this.#child ??= this.#start());
    type Picture = Extract<Answer, { picture: unknown }>['picture'];
    return new Promise<Picture>((resolve, reject) => {
      const settle = (work: () => void): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        child.off('message', onMessage).off('exit', onExit).off('error', onError);
        // An idle process must not keep the program from ending.
        child.unref();
        child.channel?.unref();
        work();
      };
      const giveUp = (error: Error): void => {
        this.end();
        settle(() => reject(error));
      };
      const tooMuch = (what: 'time' | 'memory'): InputError =>
        new InputError(`${name}: takes too much ${what} to decode; ${SIMPLER}`);
      const onMessage = (answer: Answer): void => {
        if (answer.id !== id) return;
        if ('over' in answer) giveUp(tooMuch(answer.over));
        else if ('refused' in answer) settle(() => reject(new InputError(answer.refused)));
        else if ('defect' in answer) settle(() => reject(new Error(answer.defect)));
        else settle(() => resolve(answer.picture));
      };
      const onExit = (): void => giveUp(new InputError(`${name}: the decoder broke down on this file; ${SIMPLER}`));
      const onError = (error: Error): void => giveUp(error);
      const onAbort = (): void => giveUp(new CancelledError());
      const longest = limits.time + (limits.timePerMegapixel * IMAGE_LIMITS.maxSide ** 2) / 1e6;
      const timer = setTimeout(() => giveUp(tooMuch('time')), START_TIME + PATIENCE * longest);
      signal?.addEventListener('abort', onAbort, { once: true });
      child.on('message', onMessage).on('exit', onExit).on('error', onError);
      child.ref();
      child.channel?.ref();
      child.send({ id, ...request, limits } satisfies Request);
    });
  }

  #start(): ChildProcess {
    const program = builtFile(packageRoot(dirname(fileURLToPath(import.meta.url))), CHILD);
    const child = fork(program, {
      serialization: 'advanced',
      execArgv: [],
      // What libraries print about damaged files is no news for the user.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    child.on('exit', () => {
      if (this.#child === child) this.#child = undefined;
    });
    return child;
  }
}
