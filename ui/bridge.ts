/** Calls to the sandbox: ids, deadlines, checked answers, and what the sandbox tells unasked. */
import {
  readResult,
  readToPanel,
  type Call,
  type Detail,
  type ErrorName,
  type EventName,
  type Params,
  type Result,
} from '../common/messages';

/** What the panel's state needs of the sandbox. */
export interface SandboxPort {
  /** Rejects with a SandboxError: what the sandbox says is wrong, or that it did not answer. */
  call<C extends Call>(call: C, params: Params<C>): Promise<Result<C>>;
}

export class SandboxError extends Error {
  override readonly name: ErrorName;
  constructor(name: ErrorName, message: string) {
    super(message);
    this.name = name;
  }
}

/** The sandbox shares its thread with the editor: drawing a large layer or saving can take long, an answer cannot. */
const DEADLINES_MS: { readonly [C in Call]?: number } = {
  exportNode: 120_000,
  insertResult: 120_000,
  insertImagined: 120_000,
  updateResult: 120_000,
  openResult: 120_000,
  findUses: 120_000,
  findFrames: 120_000,
  readBatch: 120_000,
};
const DEADLINE_MS = 30_000;

interface Pending {
  readonly call: Call;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

export class Bridge implements SandboxPort {
  readonly #post: (message: unknown) => void;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Map<EventName, Set<(detail: never) => void>>();
  #lastId = 0;

  /** @param post sends a message to the sandbox. */
  constructor(post: (message: unknown) => void) {
    this.#post = post;
  }

  call<C extends Call>(call: C, params: Params<C>): Promise<Result<C>> {
    const id = ++this.#lastId;
    return new Promise<Result<C>>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new SandboxError('Error', `Figma did not answer in time (${call}); try again`));
      }, DEADLINES_MS[call] ?? DEADLINE_MS);
      this.#pending.set(id, { call, resolve: (result) => resolve(result as Result<C>), reject, timer });
      try {
        this.#post({ type: 'request', id, call, params });
      } catch (error) {
        this.#settle(id)?.reject(new SandboxError('Error', `could not ask Figma (${call}): ${String(error)}`));
      }
    });
  }

  /** @returns a function that ends the listening. */
  on<E extends EventName>(event: E, listener: (detail: Detail<E>) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /**
   * Takes a message from the sandbox. An answer nobody waits for any more is dropped.
   *
   * @throws ValiError when it is no message of ours.
   */
  receive(message: unknown): void {
    const read = readToPanel(message);
    if (read.type === 'event') {
      for (const listener of this.#listeners.get(read.event) ?? []) listener(read.detail as never);
      return;
    }
    const pending = this.#settle(read.id);
    if (!pending) return;
    if (!read.ok) return pending.reject(new SandboxError(read.error.name, read.error.message));
    try {
      pending.resolve(readResult(pending.call, read.result));
    } catch (error) {
      pending.reject(
        new SandboxError('Error', `Figma's answer to ${pending.call} is not understood: ${String(error)}`),
      );
    }
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    clearTimeout(pending?.timer);
    return pending;
  }
}

/**
 * The bridge of this page to the sandbox around it. A panel from a server must name the plugin it speaks for, where '*'
 * is whichever is running. What it posts holds nothing that the page around it does not have, so that any may receive it.
 *
 * @param trusts whether messages of an origin are taken; all are where the frames around the panel are part of the plugin.
 */
export function connectBridge(page: Window, trusts: (origin: string) => boolean = () => true): Bridge {
  const bridge = new Bridge((pluginMessage) => page.parent.postMessage({ pluginMessage, pluginId: '*' }, '*'));
  page.addEventListener('message', (event: MessageEvent<unknown>) => {
    const { data, source, origin } = event;
    if (
      source !== page.parent ||
      !trusts(origin) ||
      typeof data !== 'object' ||
      data === null ||
      !('pluginMessage' in data)
    )
      return;
    try {
      bridge.receive(data.pluginMessage);
    } catch (error) {
      console.error('A message from the sandbox is not understood:', error);
    }
  });
  return bridge;
}
