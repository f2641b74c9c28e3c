/**
 * What surrounds the plugin in these tests, and runs in QuickJS along with it: the fake Figma with a document, a clock
 * that stands still until it is moved, and a window that keeps what it is sent. support/sandbox.ts starts it.
 */
import { Editor } from '../../../playground/figma/editor';
import { FigmaFile } from '../../../playground/figma/file';
import { ClientStorage } from '../../../playground/figma/client-storage';
import type { Kind, NodeData } from '../../../playground/figma/node-data';
import { PluginRun, type Answer } from '../../../playground/figma/plugin-run';
import type { DrawRequest, Manifest } from '../../../playground/figma/ports';
import { ROOT } from '../../../playground/figma/scene';
import type { Call, Draft, Params, Result, ResultParameters, StyleEntry, ToPanel } from '../../../common/messages';

type Reply = Extract<ToPanel, { type: 'reply' }>;

interface Window {
  readonly html: string;
  /** All it was sent. */
  readonly messages: ToPanel[];
  readonly pending: Map<number, (reply: Reply) => void>;
  receive: (data: unknown, origin: string) => void;
  closed: boolean;
}

interface Timer {
  readonly id: number;
  readonly at: number;
  readonly run: () => void;
}

/** What `inside` code gets. */
export class World {
  readonly file = new FigmaFile();
  readonly page: string;
  readonly otherPage: string;
  readonly editor: Editor;
  readonly windows: Window[] = [];
  readonly notifications: { readonly text: string; readonly error: boolean }[] = [];
  /** What handlers of the plugin threw; must stay empty. */
  readonly reports: string[] = [];
  readonly drawn: { readonly id: string; readonly width: number; readonly height: number }[] = [];
  /** Called while a layer is being drawn. */
  whileDrawing: (request: DrawRequest) => void = () => {};
  plugin!: PluginRun;
  readonly #code: string;
  readonly #timers: Timer[] = [];
  #now = 0;
  #lastTimer = 0;
  #lastRequest = 0;

  constructor(manifest: Manifest, code: string, other?: World, sameUser = true) {
    this.#code = code;
    this.file = other?.file ?? this.file;
    if (!other) {
      for (const name of ['Page 1', 'Page 2']) this.file.scene.create('PAGE', ROOT, { name });
      this.file.history.commit();
    }
    [this.page, this.otherPage] = this.file.scene.get(ROOT).children as [string, string];
    const host = {
      renderer: { draw: (request: DrawRequest) => this.#draw(request) },
      openUi: ({ html }: { html: string }, receive: Window['receive']) => this.#open(html, receive),
      notify: (text: string, { error }: { error?: boolean }) => {
        this.notifications.push({ text, error: error ?? false });
        return () => {};
      },
      report: (error: unknown) => this.reports.push(String(error)),
    };
    this.editor = new Editor(this.file, manifest, host, (sameUser && other?.editor.storage) || new ClientStorage());
  }

  /** Another window on the same document, of the same user or of one on another computer. */
  another(user = 'the same'): World {
    return new World(this.editor.manifest, this.#code, this, user === 'the same');
  }

  /** A layer of the document, 100 x 100 px unless said otherwise. */
  add(kind: Kind, patch: Partial<NodeData> & { at?: readonly [number, number] } = {}, parent = this.page): string {
    const { at, ...rest } = patch;
    const place =
      at &&
      ([
        [1, 0, at[0]],
        [0, 1, at[1]],
      ] as NodeData['transform']);
    return this.file.scene.create(kind, parent, { ...(place ? { transform: place } : {}), ...rest }).id;
  }

  node(id: string): NodeData {
    return this.file.scene.get(id);
  }

  /** Names of what is in a node, from back to front. */
  names(id: string): string[] {
    return this.node(id).children.map((child) => this.node(child).name);
  }

  /** Runs the plugin from a command to where it waits for the panel. */
  async start(command = 'open', parameters?: Record<string, unknown>): Promise<void> {
    this.load(command);
    this.plugin.begin(parameters);
    await this.settle();
  }

  /** Evaluates the plugin's code with nothing but what Figma gives it. */
  load(command: string, asking = false): void {
    this.plugin = new PluginRun(this.editor, command, { asking });
    const later = (run: () => void, delay: number) => {
      this.#timers.push({ id: ++this.#lastTimer, at: this.#now + delay, run });
      return this.#lastTimer;
    };
    const never = (id: number) => {
      const at = this.#timers.findIndex((timer) => timer.id === id);
      if (at >= 0) this.#timers.splice(at, 1);
    };
    const console = { error: (text: string) => this.reports.push(text) };
    const names = ['figma', '__uiFiles__', 'setTimeout', 'clearTimeout', 'console'];
    new Function(...names, this.#code)(this.plugin.figma, { embedded: 'the embedded panel' }, later, never, console);
  }

  /** The answers to what is typed for a parameter. */
  async ask(key: string, query: string): Promise<Answer[]> {
    const answers: Answer[] = [];
    this.plugin.ask(key, query, {}, (answer) => answers.push(answer));
    await this.settle();
    return answers;
  }

  /** Starts the plugin and lets the panel say hello. */
  async open(command = 'open', parameters?: Record<string, unknown>): Promise<Result<'hello'>> {
    await this.start(command, parameters);
    return this.call('hello', { panel: 'embedded' });
  }

  get window(): Window {
    const last = this.windows[this.windows.length - 1];
    if (!last) throw new Error('the plugin has shown no window');
    return last;
  }

  /** Asks as the panel does. Rejects with the error of the reply. */
  async call<C extends Call>(call: C, params: Params<C>): Promise<Result<C>> {
    const { window } = this;
    const id = ++this.#lastRequest;
    const reply = new Promise<Reply>((resolve) => window.pending.set(id, resolve));
    this.send({ type: 'request', id, call, params });
    const received = await reply;
    if (!received.ok) throw received.error;
    return received.result as Result<C>;
  }

  /** The error of a call that fails. */
  async refusal<C extends Call>(call: C, params: Params<C>): Promise<{ name: string; message: string }> {
    try {
      await this.call(call, params);
    } catch (error) {
      return error as { name: string; message: string };
    }
    throw new Error(`${call} did not fail`);
  }

  /** Posts to the sandbox whatever it is. */
  send(pluginMessage: unknown): void {
    this.window.receive({ pluginMessage }, 'null');
  }

  events(): ToPanel[] {
    return this.window.messages.filter(({ type }) => type === 'event');
  }

  /** Lets time pass. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    await this.settle();
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#now = next.at;
      this.#timers.splice(this.#timers.indexOf(next), 1);
      next.run();
      await this.settle();
    }
    this.#now = end;
  }

  /** Lets everything run that does not wait for time. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 300; turn++) await null;
  }

  get waitingTimers(): number {
    return this.#timers.length;
  }

  /** Restyles a layer as the panel does, and gives the id of the result. */
  async restyle(sourceId: string, patch: Partial<ResultParameters> = {}): Promise<string> {
    const [original, styled] = [this.png(8, 8, 'original'), this.png(8, 8, 'styled')];
    const parameters = this.parameters({ sourceId, ...patch });
    return (await this.call('insertResult', { sourceId, original, styled, parameters })).id;
  }

  parameters(patch: Partial<ResultParameters> = {}): ResultParameters {
    return {
      version: 1,
      kind: 'restyled',
      styles: [{ id: 'ink', name: 'Ink', strength: 1 }],
      prompt: 'an apple',
      guide: 'style',
      steps: 8,
      seed: 3,
      sourceId: null,
      model: { name: 'embedded', fingerprint: 'f' },
      ...patch,
    };
  }

  /** A style and its file of that many bytes. */
  style(id: string, bytes = 1000, patch: Partial<StyleEntry> = {}): { entry: StyleEntry; file: Uint8Array } {
    const entry = {
      id,
      name: `Style ${id}`,
      prompt: 'an apple',
      model: { name: 'embedded', fingerprint: 'f' },
      createdAt: `2026-01-0${id.charCodeAt(0) % 8}T00:00:00.000Z`,
      rank: 8,
      steps: 200,
      bytes,
      thumbnail: this.png(8, 4, id),
      ...patch,
    };
    const file = new Uint8Array(bytes);
    for (let i = 0; i < bytes; i += 100) file[i] = i / 100 + id.charCodeAt(0);
    return { entry, file };
  }

  /** A learning that was interrupted, with a checkpoint of that many bytes. */
  draft(bytes: number): Draft {
    return {
      name: 'Ink',
      prompt: 'an apple',
      beforeId: '1:1',
      afterId: '1:2',
      before: this.png(8, 8, 'before'),
      after: this.png(8, 8, 'after'),
      steps: 200,
      contentSteps: 50,
      rank: 8,
      learningRate: 1e-3,
      seed: 0,
      model: { name: 'embedded', fingerprint: 'f' },
      done: 40,
      checkpoint: new Uint8Array(bytes),
    };
  }

  /** A file with the header of a PNG; `tag` makes pictures differ. */
  png(width: number, height: number, tag = ''): Uint8Array {
    const head = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52];
    const number = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
    const text = Array.from(tag, (letter) => letter.charCodeAt(0) & 255);
    return new Uint8Array([...head, ...number(width), ...number(height), 8, 6, 0, 0, 0, ...text]);
  }

  /** The tag of a picture made by `png`. */
  tag(png: Uint8Array | null): string | null {
    return png && String.fromCharCode(...png.slice(29));
  }

  /** Tags of a layer's image fills, from the bottom up, with "-" before hidden ones. */
  pictures(id: string): string[] {
    return this.node(id).fills.map((fill) => {
      if (fill.type !== 'IMAGE') return fill.type;
      return `${fill.visible === false ? '-' : ''}${this.tag(this.file.images.get(fill.imageHash!)!)}`;
    });
  }

  async #draw(request: DrawRequest): Promise<Uint8Array> {
    const { id, width, height } = request;
    this.drawn.push({ id, width, height });
    this.whileDrawing(request);
    return this.png(width, height, `drawn ${id}`);
  }

  #open(html: string, receive: Window['receive']) {
    const window: Window = { html, messages: [], pending: new Map(), receive, closed: false };
    this.windows.push(window);
    return {
      post: ({ pluginMessage }: { pluginMessage: unknown }) => {
        const message = pluginMessage as ToPanel;
        window.messages.push(message);
        if (message.type === 'reply') window.pending.get(message.id)?.(message);
      },
      resize: () => {},
      setVisible: () => {},
      close: () => void (window.closed = true),
    };
  }
}

Object.assign(globalThis, { World });
