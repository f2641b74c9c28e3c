/** The pages, and the layers of the open one, front ones first, as a tree for pointer and keyboard. */
import { effect, signal, type Signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { NodeData } from '../figma/node-data';
import type { Scene } from '../figma/scene';
import type { App } from '../model/app';
import { change } from '../model/edits';
import { iconOf, Symbol16 } from './icons';

interface Row {
  readonly node: NodeData;
  readonly level: number;
  /** Hidden or locked through something it is in. */
  readonly dimmed: boolean;
}

function rowsOf(scene: Scene, parentId: string, open: ReadonlySet<string>, level = 1, dimmed = false): readonly Row[] {
  return [...scene.get(parentId).children].reverse().flatMap((id) => {
    const node = scene.get(id);
    const dim = dimmed || !node.visible;
    const row = { node, level, dimmed: dim };
    return open.has(id) ? [row, ...rowsOf(scene, id, open, level + 1, dim)] : [row];
  });
}

export function Pages({ app }: { app: App }) {
  void app.changes.value;
  return (
    <nav class="pages" aria-label="Pages">
      {app.pages.map((id) => (
        <button
          key={id}
          class="page"
          aria-current={id === app.pageId.value ? 'page' : undefined}
          onClick={() => app.editor.showPage(id)}
        >
          {app.file.scene.get(id).name}
        </button>
      ))}
    </nav>
  );
}

export function Layers({ app }: { app: App }) {
  const open = useMemo(() => signal<ReadonlySet<string>>(new Set()), []);
  useEffect(() => effect(() => unfoldTo(app.file.scene, app.selection.value, open)), [app, open]);
  void app.changes.value;
  const rows = rowsOf(app.file.scene, app.pageId.value, open.value);
  const selection = new Set(app.selection.value);
  const focusable = rows.find(({ node }) => selection.has(node.id)) ?? rows[0];
  return (
    <ul
      class="layers"
      role="tree"
      aria-label="Layers"
      aria-multiselectable="true"
      onKeyDown={(event) => onKey(event, app, open, rows)}
    >
      {rows.map((row) => (
        <LayerRow
          key={row.node.id}
          app={app}
          row={row}
          open={open}
          selected={selection.has(row.node.id)}
          focusable={row === focusable}
        />
      ))}
    </ul>
  );
}

function LayerRow(props: {
  app: App;
  row: Row;
  open: Signal<ReadonlySet<string>>;
  selected: boolean;
  focusable: boolean;
}) {
  const { app, row, open, selected } = props;
  const { node, level, dimmed } = row;
  const unfolded = open.value.has(node.id);
  const isPicture = node.fills.some(({ type, visible }) => type === 'IMAGE' && visible !== false);
  const purple = ['COMPONENT', 'COMPONENT_SET', 'INSTANCE'].includes(node.kind);
  return (
    <li
      class={`layer${dimmed ? ' dimmed' : ''}${purple ? ' purple' : ''}`}
      role="treeitem"
      aria-level={level}
      aria-selected={selected}
      aria-expanded={node.children.length > 0 ? unfolded : undefined}
      tabIndex={props.focusable ? 0 : -1}
      data-id={node.id}
      style={{ paddingLeft: `${level * 12 - 4}px` }}
      onClick={(event) => select(app, node.id, event.shiftKey || event.ctrlKey || event.metaKey)}
      onPointerEnter={() => (app.hovered.value = node.id)}
      onPointerLeave={() => (app.hovered.value = null)}
    >
      {node.children.length > 0 ? (
        <button
          class="fold"
          tabIndex={-1}
          aria-label={`${unfolded ? 'Fold' : 'Unfold'} ${node.name}`}
          onClick={(event) => {
            event.stopPropagation();
            toggle(open, node.id);
          }}
        >
          <Symbol16 name={unfolded ? 'fold' : 'unfold'} />
        </button>
      ) : (
        <span class="fold" />
      )}
      <Symbol16 name={iconOf(node.kind, isPicture, node.isMask)} />
      <span class="layer-name">{node.name}</span>
      <Switch
        on={node.locked}
        icon={node.locked ? 'lock' : 'unlocked'}
        label={`${node.locked ? 'Unlock' : 'Lock'} ${node.name}`}
        onClick={() => change(app.editor, node.id, { locked: !node.locked })}
      />
      <Switch
        on={!node.visible}
        icon={node.visible ? 'eye' : 'hidden'}
        label={`${node.visible ? 'Hide' : 'Show'} ${node.name}`}
        onClick={() => change(app.editor, node.id, { visible: !node.visible })}
      />
    </li>
  );
}

/** Shows when the pointer is on the row, and always when it is on. */
function Switch(props: {
  on: boolean;
  icon: Parameters<typeof Symbol16>[0]['name'];
  label: string;
  onClick: () => void;
}) {
  return (
    <button
      class={`switch${props.on ? ' on' : ''}`}
      tabIndex={-1}
      aria-label={props.label}
      title={props.label}
      onClick={(event) => {
        event.stopPropagation();
        props.onClick();
      }}
    >
      <Symbol16 name={props.icon} />
    </button>
  );
}

/** Unfolds what selected layers are in. */
function unfoldTo(scene: Scene, selection: readonly string[], open: Signal<ReadonlySet<string>>): void {
  const around = selection.flatMap((id) => (scene.find(id) ? [...scene.ancestors(id)].map((node) => node.id) : []));
  const before = open.peek();
  if (around.some((id) => !before.has(id))) open.value = new Set([...before, ...around]);
}

function toggle(open: Signal<ReadonlySet<string>>, id: string): void {
  const next = new Set(open.value);
  if (!next.delete(id)) next.add(id);
  open.value = next;
}

function select(app: App, id: string, add: boolean): void {
  const { selection } = app.editor;
  if (!add) app.editor.select([id]);
  else app.editor.select(selection.includes(id) ? selection.filter((other) => other !== id) : [...selection, id]);
}

/** Arrows as in every tree; H hides and L locks what is in focus. */
function onKey(event: KeyboardEvent, app: App, open: Signal<ReadonlySet<string>>, rows: readonly Row[]): void {
  const focused = (event.target as HTMLElement).closest<HTMLElement>('[data-id]');
  const at = rows.findIndex(({ node }) => node.id === focused?.dataset['id']);
  const row = rows[at];
  if (!row || event.ctrlKey || event.metaKey) return;
  const { node } = row;
  const go = (index: number): void => {
    const target = rows[index];
    if (!target) return;
    select(app, target.node.id, event.shiftKey);
    focused!.parentElement?.querySelector<HTMLElement>(`[data-id="${CSS.escape(target.node.id)}"]`)?.focus();
  };
  const isOpen = open.value.has(node.id);
  const keys: Readonly<Record<string, () => void>> = {
    ArrowDown: () => go(at + 1),
    ArrowUp: () => go(at - 1),
    ArrowRight: () => void (node.children.length > 0 && !isOpen && toggle(open, node.id)),
    ArrowLeft: () => (isOpen ? toggle(open, node.id) : go(rows.findIndex((other) => other.node.id === node.parent))),
    Enter: () => select(app, node.id, event.shiftKey),
    ' ': () => select(app, node.id, true),
    h: () => change(app.editor, node.id, { visible: !node.visible }),
    l: () => change(app.editor, node.id, { locked: !node.locked }),
  };
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  event.stopPropagation();
  act();
}
