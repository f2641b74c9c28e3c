/** Named lists of handlers. Handlers run one after another, once the code that caused the event has ended. */

// Handlers of every signature lie in one list; each `on` of the API gives callers the right types.
export type Handler = (event: never) => unknown;

export class Events {
  readonly #handlers = new Map<string, Handler[]>();

  /** @param report is told what handlers throw, or reject with. */
  constructor(private readonly report: (error: unknown) => void) {}

  on(type: string, handler: Handler): void {
    this.#handlers.set(type, [...(this.#handlers.get(type) ?? []), handler]);
  }

  once(type: string, handler: Handler): void {
    const first = (event: never): unknown => {
      this.off(type, first);
      return handler(event);
    };
    this.on(type, first);
  }

  off(type: string, handler: Handler): void {
    this.#handlers.set(
      type,
      (this.#handlers.get(type) ?? []).filter((other) => other !== handler),
    );
  }

  has(type: string): boolean {
    return (this.#handlers.get(type) ?? []).length > 0;
  }

  clear(): void {
    this.#handlers.clear();
  }

  /** @param event what handlers are called with. */
  emit(type: string, ...event: readonly unknown[]): void {
    void Promise.resolve().then(() => this.emitNow(type, ...event));
  }

  /** For events that come from outside anyway. */
  emitNow(type: string, ...event: readonly unknown[]): void {
    for (const handler of this.#handlers.get(type) ?? []) void this.call(handler, ...event);
  }

  /** Calls one handler as if it were registered. */
  async call(handler: Handler, ...event: readonly unknown[]): Promise<void> {
    try {
      await (handler as (...event: readonly unknown[]) => unknown)(...event);
    } catch (error) {
      this.report(error);
    }
  }
}
