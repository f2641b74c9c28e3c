/** One style of the library. */
import { useState } from 'preact/hooks';
import type { ListedStyle } from '../../../common/messages';
import { Menu, type MenuEntry } from '../../components/menu';
import { Thumb } from '../../components/picture';
import { bytesInWords } from '../../state/words';
import { useApp } from '../context';

export function StyleRow({ style }: { style: ListedStyle }) {
  const { library, choice, show } = useApp();
  const [renaming, setRenaming] = useState(false);
  const { id, name, prompt, model, bytes, thumbnail, inLibrary, inDocument } = style;
  const use = (): void => {
    choice.only(id);
    show('restyle');
  };
  const about = !library.fits(style)
    ? `Learned on ${model?.name}`
    : [prompt, bytesInWords(bytes)].filter(Boolean).join(' · ');

  const places: MenuEntry[] = [
    inDocument
      ? { label: 'Stop sharing with this file', run: () => void library.remove(id, 'document') }
      : { label: 'Share with this file', run: () => void library.copyTo(id, 'document') },
    ...(inLibrary ? [] : [{ label: 'Add to my library', run: () => void library.copyTo(id, 'library') }]),
  ];
  const entries: (MenuEntry | 'line')[] = [
    { label: 'Restyle with it', run: use },
    { label: 'Where it is used', run: () => void library.findUses(id) },
    'line',
    { label: 'Rename', run: () => setRenaming(true) },
    { label: 'Export…', run: () => void library.exportFile(id) },
    ...places,
    ...(inLibrary
      ? (['line', { label: 'Delete from my library', run: () => void library.remove(id, 'library') }] as const)
      : []),
  ];
  return (
    <li class="style-row">
      <Thumb png={thumbnail} />
      <div class="text">
        {renaming ? (
          <NameField
            name={name}
            onDone={(wanted) => {
              setRenaming(false);
              if (wanted !== null) void library.rename(id, wanted);
            }}
          />
        ) : (
          <p class="name one-line" title={name} onDblClick={() => setRenaming(true)}>
            {name}
          </p>
        )}
        <p class="quiet one-line" title={about}>
          {about}
        </p>
      </div>
      {inDocument && (
        <span class="tag" title="Everyone who opens this file can use it">
          In file
        </span>
      )}
      <Menu label={`Actions for ${name}`} entries={entries} />
    </li>
  );
}

/** @param onDone gets the name, or null when Escape was pressed. */
function NameField({ name, onDone }: { name: string; onDone: (name: string | null) => void }) {
  const [typed, setTyped] = useState(name);
  return (
    <input
      class="input"
      aria-label="Name of the style"
      maxLength={300}
      value={typed}
      ref={(input) => {
        if (input && document.activeElement !== input) {
          input.focus();
          input.select();
        }
      }}
      onInput={(event) => setTyped(event.currentTarget.value)}
      onBlur={() => onDone(typed)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') onDone(typed);
        if (event.key === 'Escape') {
          event.stopPropagation();
          onDone(null);
        }
      }}
    />
  );
}
