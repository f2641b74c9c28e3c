/** Short messages at the panel's foot; an error stays until it is closed, the rest leaves by itself. */
import { signal, type ReadonlySignal } from '@preact/signals-core';

export interface NoticeAction {
  readonly label: string;
  run(): void;
}

export interface Notice {
  readonly id: number;
  readonly kind: 'info' | 'error';
  readonly text: string;
  readonly action?: NoticeAction;
}

/** How long a notice stays; one that offers to take something back stays longer. */
const STAY_MS = 5_000;
const STAY_WITH_ACTION_MS = 12_000;
/** Older ones make room. */
const MOST = 3;

export class Notices {
  readonly #list = signal<readonly Notice[]>([]);
  readonly list: ReadonlySignal<readonly Notice[]> = this.#list;
  readonly #ends = new Map<number, { timer?: ReturnType<typeof setTimeout>; onGone?: () => void }>();
  #lastId = 0;

  /** @param onGone called once the notice is gone, by itself, by hand or by its action. */
  info(text: string, action?: NoticeAction, onGone?: () => void): number {
    return this.#add({ kind: 'info', text, ...(action && { action }) }, onGone);
  }

  error(text: string, action?: NoticeAction): number {
    return this.#add({ kind: 'error', text, ...(action && { action }) });
  }

  act(id: number): void {
    const notice = this.#list.value.find((each) => each.id === id);
    notice?.action?.run();
    this.close(id);
  }

  close(id: number): void {
    const end = this.#ends.get(id);
    this.#ends.delete(id);
    clearTimeout(end?.timer);
    this.#list.value = this.#list.value.filter((notice) => notice.id !== id);
    end?.onGone?.();
  }

  #add(notice: Omit<Notice, 'id'>, onGone?: () => void): number {
    const same = this.#list.value.find(({ kind, text }) => kind === notice.kind && text === notice.text);
    if (same) this.close(same.id);
    const id = ++this.#lastId;
    const stay = notice.action ? STAY_WITH_ACTION_MS : STAY_MS;
    const timer = notice.kind === 'info' ? setTimeout(() => this.close(id), stay) : undefined;
    this.#ends.set(id, { ...(timer && { timer }), ...(onGone && { onGone }) });
    this.#list.value = [...this.#list.value, { ...notice, id }];
    for (const old of this.#list.value.slice(0, -MOST)) this.close(old.id);
    return id;
  }
}
