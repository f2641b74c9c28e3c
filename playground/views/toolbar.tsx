/** The bar on top: what this is, and what concerns the whole page. */
import type { App } from '../model/app';
import { addPictures } from '../model/import-images';
import { Symbol16, type IconName } from './icons';
import { Mark } from './plugin-window';

export function Toolbar({ app }: { app: App }) {
  void app.changes.value;
  const { history } = app.file;
  const { manifest } = app.plugin.files;
  const dark = app.theme.value === 'dark';
  return (
    <header class="toolbar">
      <Mark />
      <h1>{manifest.name} playground</h1>
      <p class="quiet note">Stands in for Figma. What you make here is gone when you close the page.</p>
      <div class="spacer" />
      <Tool icon="undo" label="Undo (Ctrl+Z)" disabled={history.undoable === 0} onClick={() => app.undo()} />
      <Tool icon="redo" label="Redo (Ctrl+Shift+Z)" disabled={history.redoable === 0} onClick={() => app.redo()} />
      <Zoom app={app} />
      <AddPictures app={app} />
      <Tool icon="search" label="Quick actions (Ctrl+/)" onClick={() => (app.paletteOpen.value = true)} />
      <Tool
        icon={dark ? 'sun' : 'moon'}
        label={dark ? 'Light theme' : 'Dark theme'}
        onClick={() => (app.theme.value = dark ? 'light' : 'dark')}
      />
      <button
        class="primary"
        onClick={() => (app.plugin.running.value ? app.plugin.close() : app.plugin.start(app.editor, 'open'))}
      >
        {app.plugin.running.value ? `Close ${manifest.name}` : `Open ${manifest.name}`}
      </button>
    </header>
  );
}

function Tool(props: { icon: IconName; label: string; disabled?: boolean; onClick: () => void }) {
  const { icon, label, disabled = false, onClick } = props;
  return (
    <button class="square" aria-label={label} title={label} disabled={disabled} onClick={onClick}>
      <Symbol16 name={icon} />
    </button>
  );
}

function Zoom({ app }: { app: App }) {
  const { zoom, width, height } = app.view.value;
  return (
    <button
      class="zoom"
      title="Zoom to 100 % (scroll with Ctrl to zoom)"
      onClick={() => app.zoomAt({ x: width / 2, y: height / 2 }, 1 / zoom)}
    >
      {Math.round(zoom * 100)} %
    </button>
  );
}

function AddPictures({ app }: { app: App }) {
  return (
    <label class="square file" title="Add pictures (or drop them on the canvas)">
      <Symbol16 name="image" />
      <input
        type="file"
        multiple
        accept="image/*"
        aria-label="Add pictures"
        onChange={(event) => {
          const input = event.currentTarget;
          void addPictures(app, [...(input.files ?? [])], app.editor.view.center);
          input.value = '';
        }}
      />
    </label>
  );
}
