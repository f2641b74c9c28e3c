/** A button that opens a menu, after the ARIA pattern: arrow keys move, Escape closes. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { TargetedFocusEvent, TargetedKeyboardEvent, TargetedMouseEvent } from 'preact';
import { IconButton } from './button';
import { moveTo } from './keys';

export interface MenuEntry {
  readonly label: string;
  readonly run: () => void;
}

interface Props {
  readonly label: string;
  /** 'line' separates groups. */
  readonly entries: readonly (MenuEntry | 'line')[];
}

const ROW = 24;
const PADDING = 12;
const LINE = 13;

export function Menu({ label, entries }: Props) {
  const [place, setPlace] = useState<{ top: number; right: number } | null>(null);
  const frame = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (place) list.current?.querySelector<HTMLElement>('button')?.focus();
  }, [place]);

  const open = (event: TargetedMouseEvent<HTMLElement>): void => {
    const { top, bottom, right } = event.currentTarget.getBoundingClientRect();
    const height = entries.reduce((sum, entry) => sum + (entry === 'line' ? LINE : ROW), PADDING);
    const below = bottom + height + 4 <= innerHeight;
    setPlace({ top: below ? bottom + 4 : Math.max(4, top - height - 4), right: innerWidth - right });
  };
  const close = (): void => {
    setPlace(null);
    frame.current?.querySelector<HTMLElement>('.icon-button')?.focus();
  };
  const move = (event: TargetedKeyboardEvent<HTMLElement>): void => {
    const buttons = [...event.currentTarget.querySelectorAll<HTMLElement>('button')];
    const at = buttons.findIndex((button) => button === document.activeElement);
    const to = moveTo(event.key, 'vertical', at, buttons.length);
    if (to === undefined) return;
    event.preventDefault();
    buttons[to]?.focus();
  };
  const escape = (event: TargetedKeyboardEvent<HTMLElement>): void => {
    if (event.key !== 'Escape' || !place) return;
    event.stopPropagation();
    close();
  };
  const leave = (event: TargetedFocusEvent<HTMLElement>): void => {
    if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setPlace(null);
  };

  return (
    <div ref={frame} onFocusOut={leave} onKeyDown={escape}>
      <IconButton
        icon="more"
        label={label}
        aria-haspopup="menu"
        aria-expanded={place !== null}
        onClick={(event) => (place ? close() : open(event))}
      />
      {place && (
        <div
          ref={list}
          class="menu"
          role="menu"
          aria-label={label}
          style={{ top: `${place.top}px`, right: `${place.right}px` }}
          onKeyDown={move}
        >
          {entries.map((entry, i) =>
            entry === 'line' ? (
              <hr key={i} />
            ) : (
              <button
                type="button"
                key={i}
                role="menuitem"
                tabIndex={-1}
                onClick={() => {
                  close();
                  entry.run();
                }}
              >
                {entry.label}
              </button>
            ),
          )}
        </div>
      )}
    </div>
  );
}
