/** The plugin's sandbox: starts the panel and answers what it asks. */
import { keepBatch, markBatch, readBatch, removeBatch } from './batch';
import { commandOf } from './commands';
import { keepDraft, readDraft, removeDraft } from './drafts';
import { messageOf } from '../common/errors';
import { exportNode } from './export';
import { findFrames } from './find-frames';
import { insertImagined, insertResult, openResult, updateResult } from './layers';
import type { Command } from '../common/messages';
import { withNode } from './nodes';
import { notify } from './notify';
import { HOST, PanelHost } from './panel-host';
import { suggest } from './quick-actions';
import { markPair, selectPair } from './relaunch';
import { findUses, reveal } from './reveal';
import { answer, type Handlers } from './rpc';
import { SelectionWatcher, shorten } from './selection';
import { createSerial } from '../common/serial';
import { keepSettings, readSettings } from './settings';
import { listStyles, putStyle, readStyle, removeStyle, renameStyle } from './styles';

const panel = new PanelHost();
const watcher = new SelectionWatcher((detail) => panel.tell({ type: 'event', event: 'selection', detail }));
/** Changes of the document and of what is kept happen in the order they were asked for. */
const inTurn = createSerial();

/** What the plugin was started for, until a panel took it. */
let command: Command = { name: 'open' };
let started = false;

const handlers: Handlers = {
  hello: async () => {
    const settings = await readSettings();
    const fallback = panel.greet();
    const taken = command;
    command = { name: 'open' };
    return { settings, command: taken, selection: watcher.read(), host: HOST, fallback };
  },
  exportNode: ({ id, size }) =>
    withNode(id, async (node) => ({ png: await exportNode(node, size), name: shorten(node.name) })),
  insertResult: (params) => inTurn(() => insertResult(params)),
  insertImagined: (params) => inTurn(() => insertImagined(params)),
  openResult,
  updateResult: (params) =>
    inTurn(async () => {
      const updated = await updateResult(params);
      watcher.tellNow();
      return updated;
    }),
  reveal,
  markPair: (params) => inTurn(() => markPair(params)).then(() => ({})),
  listStyles,
  readStyle,
  putStyle: (params) => inTurn(() => putStyle(params)),
  renameStyle: (params) => inTurn(() => renameStyle(params)),
  removeStyle: (params) => inTurn(() => removeStyle(params)),
  findUses,
  readDraft: async () => ({ draft: await readDraft() }),
  putDraft: ({ draft }) => inTurn(() => keepDraft(draft)).then(() => ({})),
  removeDraft: () => inTurn(removeDraft).then(() => ({})),
  findFrames,
  putBatch: (params) => inTurn(() => keepBatch(params)),
  markBatch: (params) => inTurn(() => markBatch(params)).then(() => ({})),
  // After the marks that were sent before.
  readBatch: async () => ({ batch: await inTurn(readBatch) }),
  removeBatch: () => inTurn(removeBatch).then(() => ({})),
  putSettings: ({ settings }) => inTurn(() => keepSettings(settings)).then(() => ({})),
  switchPanel: ({ panel: kind }) => {
    panel.show(kind);
    return {};
  },
  notify: ({ text, error }) => {
    notify(text, error);
    return {};
  },
  close: () => {
    panel.close();
    return {};
  },
};

async function run({ command: name, parameters }: RunEvent): Promise<void> {
  const asked = commandOf(name, parameters);
  if (asked.name === 'learn') await selectPair();
  if (started && panel.tell({ type: 'event', event: 'command', detail: asked })) return;
  command = asked;
  if (started) return;
  started = true;
  const { panel: kind } = await readSettings();
  panel.show(kind === 'hosted' && !HOST ? 'embedded' : kind);
}

// Layers hidden within instances cannot be drawn; leaving them out makes looking for results many times faster.
figma.skipInvisibleInstanceChildren = true;
figma.ui.onmessage = (message: unknown) => void answer(message, handlers, panel.replies());
figma.parameters.on('input', (event) => void suggest(event));
figma.on('run', (event) => {
  run(event).catch((error: unknown) => notify(`Diptych could not start: ${messageOf(error)}`, true));
});
