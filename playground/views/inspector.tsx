/** What is selected, what can be done with it, and the plugin's own buttons for it. */
import type { App } from '../model/app';
import { change, deleteSelection, duplicateSelection } from '../model/edits';
import { relaunchButtons } from '../model/relaunch';
import { saveSelection } from '../model/save';
import { Symbol16 } from './icons';

const KINDS: Readonly<Record<string, string>> = {
  FRAME: 'Frame',
  GROUP: 'Group',
  SECTION: 'Section',
  COMPONENT: 'Component',
  COMPONENT_SET: 'Component set',
  INSTANCE: 'Instance',
  BOOLEAN_OPERATION: 'Boolean',
  RECTANGLE: 'Rectangle',
  ELLIPSE: 'Ellipse',
  VECTOR: 'Vector',
  TEXT: 'Text',
};

export function Inspector({ app }: { app: App }) {
  void app.changes.value;
  const { scene } = app.file;
  const selection = app.selection.value.filter((id) => scene.find(id));
  const [only, ...others] = selection;
  return (
    <section class="inspector" aria-label="Selection">
      {only === undefined ? (
        <p class="quiet">Nothing is selected. Click a layer; Shift adds another.</p>
      ) : others.length > 0 ? (
        <p class="facts">
          <strong>{selection.length} layers</strong>
        </p>
      ) : (
        <One app={app} id={only} />
      )}
      {only !== undefined && (
        <div class="actions">
          <button class="plain" onClick={() => void saveSelection(app)}>
            <Symbol16 name="download" /> Save PNG
          </button>
          <button
            class="square"
            aria-label="Duplicate"
            title="Duplicate (Ctrl+D)"
            onClick={() => duplicateSelection(app.editor)}
          >
            <Symbol16 name="copy" />
          </button>
          <button class="square" aria-label="Delete" title="Delete" onClick={() => deleteSelection(app.editor)}>
            <Symbol16 name="bin" />
          </button>
        </div>
      )}
      <Relaunch app={app} selection={selection} />
    </section>
  );
}

function One({ app, id }: { app: App; id: string }) {
  const node = app.file.scene.get(id);
  const { x, y } = app.file.scene.bounds(id);
  const digits = (value: number): number => Math.round(value * 10) / 10;
  return (
    <div class="facts">
      <input
        class="name"
        aria-label="Name of the layer"
        value={node.name}
        onChange={(event) => change(app.editor, id, { name: event.currentTarget.value || node.name })}
      />
      <p class="quiet">
        {KINDS[node.kind]} · {digits(node.width)} × {digits(node.height)} at {digits(x)}, {digits(y)}
      </p>
    </div>
  );
}

function Relaunch({ app, selection }: { app: App; selection: readonly string[] }) {
  const { manifest } = app.plugin.files;
  const buttons = relaunchButtons(manifest, app.file.scene, selection);
  if (buttons.length === 0) return null;
  return (
    <div class="relaunch">
      <h2>{manifest.name}</h2>
      {buttons.map(({ command, name, description }) => (
        <div key={command}>
          <button class="plain" onClick={() => app.plugin.start(app.editor, command)}>
            {name}
          </button>
          {description && <p class="quiet">{description}</p>}
        </div>
      ))}
    </div>
  );
}
