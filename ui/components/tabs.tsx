/** Tabs after the ARIA pattern: one stop for the Tab key, arrow keys move. */
import type { TargetedKeyboardEvent } from 'preact';
import { moveTo } from './keys';

interface Props<T extends string> {
  readonly label: string;
  readonly tabs: readonly { readonly id: T; readonly label: string }[];
  readonly chosen: T;
  readonly onChoose: (id: T) => void;
}

export function Tabs<T extends string>({ label, tabs, chosen, onChoose }: Props<T>) {
  const move = (event: TargetedKeyboardEvent<HTMLElement>): void => {
    const at = tabs.findIndex(({ id }) => id === chosen);
    const to = moveTo(event.key, 'horizontal', at, tabs.length);
    if (to === undefined) return;
    event.preventDefault();
    const next = tabs[to]!;
    onChoose(next.id);
    event.currentTarget.querySelector<HTMLElement>(`#tab-${next.id}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} onKeyDown={move}>
      {tabs.map(({ id, label: text }, i) => (
        <button
          type="button"
          key={id}
          id={`tab-${id}`}
          class={`tab ${i === tabs.length - 1 ? 'last' : ''}`}
          role="tab"
          aria-selected={id === chosen}
          aria-controls="page"
          tabIndex={id === chosen ? 0 : -1}
          onClick={() => onChoose(id)}
        >
          {text}
        </button>
      ))}
    </div>
  );
}
