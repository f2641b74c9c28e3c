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
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>();
  #lastId = 0;

  info(text: string, action?: NoticeAction): number {
    return this.#add({ kind: 'info', text, ...(action && { action }) });
  }

  error(text: string, action?: NoticeAction): number {
    return this.#add({ kind: 'error', text, ...(action && { action }) });
  }

  act(id: number): void {
    const notice = this.#list.value.find((each) => each.id === id);
    this.close(id);
    notice?.action?.run();
  }

  close(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.#list.value = this.#list.value.filter((notice) => notice.id !== id);
  }

  #add(notice: Omit<Notice, 'id'>): number {
    const same = this.#list.value.find(({ kind, text }) => kind === notice.kind && text === notice.text);
    if (same) this.close(same.id);
    const id = ++this.#lastId;
    const stay = notice.action ? STAY_WITH_ACTION_MS : STAY_MS;
    if (notice.kind === 'info')
      this.#timers.set(
        id,
        setTimeout(() => this.close(id), stay),
      );
    this.#list.value = [...this.#list.value, { ...notice, id }];
    while (this.#list.value.length > MOST) {
      const list = this.#list.value;
      this.close((list.find((each) => each.kind === 'info' && each.id !== id) ?? list[0]!).id);
    }
    return id;
  }
}
