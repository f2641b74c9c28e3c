/** The palette of quick actions: a field and a list, moved through with the arrows. */
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { App } from '../model/app';
import { Palette, type Choice } from '../model/palette';
import { Symbol16 } from './icons';

export function QuickActions({ app }: { app: App }) {
  return app.paletteOpen.value ? <OpenPalette app={app} /> : null;
}

function OpenPalette({ app }: { app: App }) {
  const palette = useMemo(() => new Palette(app, () => (app.paletteOpen.value = false)), [app]);
  const field = useRef<HTMLInputElement>(null);
  const current = useSignal(0);
  // At once: what is typed next is meant for the field.
  useLayoutEffect(() => field.current!.focus(), []);
  const { trail, placeholder, choices, message } = palette.state.value;
  const at = Math.min(current.value, choices.length - 1);

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') palette.cancel();
    else if (event.key === 'ArrowDown') current.value = Math.min(at + 1, choices.length - 1);
    else if (event.key === 'ArrowUp') current.value = Math.max(at - 1, 0);
    else if (event.key === 'Enter') pick(choices[at]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const pick = (choice: Choice | undefined): void => {
    current.value = 0;
    choice?.choose();
    field.current?.focus();
  };
  return (
    <div class="palette-backdrop" onPointerDown={(event) => event.target === event.currentTarget && palette.cancel()}>
      <div class="palette" role="dialog" aria-modal="true" aria-label="Quick actions" onKeyDown={onKeyDown}>
        <div class="palette-field">
          <Symbol16 name="search" />
          {trail.map((part) => (
            <span key={part} class="trail">
              {part}
            </span>
          ))}
          <input
            ref={field}
            role="combobox"
            aria-expanded="true"
            aria-controls="palette-choices"
            aria-activedescendant={at >= 0 ? `choice-${at}` : undefined}
            aria-label={placeholder}
            placeholder={placeholder}
            value={palette.query.value}
            onInput={(event) => {
              current.value = 0;
              palette.type(event.currentTarget.value);
            }}
          />
        </div>
        {message && <p class="palette-message">{message}</p>}
        <ul id="palette-choices" role="listbox" aria-label="Choices">
          {choices.map((choice, index) => (
            <li
              key={`${trail.length} ${choice.label}`}
              id={`choice-${index}`}
              role="option"
              aria-selected={index === at}
              onPointerMove={() => (current.value = index)}
              onClick={() => pick(choice)}
            >
              <ChoiceIcon icon={choice.icon} />
              {choice.label}
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

/** A raster picture as bytes, or an SVG as text. */
function ChoiceIcon({ icon }: { icon: Choice['icon'] }) {
  const url = useMemo(() => {
    if (icon === undefined) return undefined;
    const type = typeof icon === 'string' ? 'image/svg+xml' : 'image/png';
    return URL.createObjectURL(new Blob([icon as string | Uint8Array<ArrayBuffer>], { type }));
  }, [icon]);
  useEffect(() => () => void (url && URL.revokeObjectURL(url)), [url]);
  return url ? <img src={url} alt="" /> : null;
}
