/**
 * The editor's page of the replica: the stand-in for Figma's API (playground/figma) runs the built code.js, whose panel
 * opens in frames as in Figma. Bundled by scripts/build into dist/test/replica.js.
 */
import { decode } from 'fast-png';
import type { Paint, Transform } from '@figma/plugin-typings/plugin-api-standalone';
import { ClientStorage } from '../../playground/figma/client-storage';
import { Editor } from '../../playground/figma/editor';
import { FigmaFile } from '../../playground/figma/file';
import { PluginRun } from '../../playground/figma/plugin-run';
import type { Host, Manifest, UiOptions, UiWindow } from '../../playground/figma/ports';
import { ROOT } from '../../playground/figma/scene';
import { Raster } from '../playground/raster';
import type { OpenPanel } from './frames';

export interface ReplicaLayer {
  readonly name: string;
  readonly kind: string;
  readonly visible: boolean;
  /** Base64 of the PNGs of its image fills, from back to front, and whether each is seen. */
  readonly images: readonly { readonly png: string; readonly visible: boolean }[];
}

export interface ReplicaSetting {
  /** Text of code.js, of ui.html, and manifest.json. */
  readonly code: string;
  readonly panel: string;
  readonly manifest: Manifest;
  /** Base64 of PNGs by the names of the layers that show them, from left to right. */
  readonly pictures: Readonly<Record<string, string>>;
  /** What the panel's frame may fetch and go to. */
  readonly domains: readonly string[];
  /** What the plugin finds in clientStorage. */
  readonly stored: Readonly<Record<string, unknown>>;
}

const SIDE = 128;

class Replica {
  readonly errors: string[] = [];
  readonly notes: string[] = [];
  readonly #file = new FigmaFile();
  readonly #page = this.#file.scene.create('PAGE', ROOT, { name: 'Page 1' }).id;
  readonly #setting: ReplicaSetting;
  readonly #editor: Editor;
  #run: PluginRun | undefined;

  constructor(setting: ReplicaSetting) {
    this.#setting = setting;
    Object.entries(setting.pictures).forEach(([name, png], i) => {
      const fill: Paint = { type: 'IMAGE', scaleMode: 'FILL', imageHash: this.#file.images.add(fromBase64(png)) };
      const transform: Transform = [
        [1, 0, i * 2 * SIDE],
        [0, 1, 0],
      ];
      this.#file.scene.create('RECTANGLE', this.#page, { name, width: SIDE, height: SIDE, fills: [fill], transform });
    });
    this.#file.history.restart();
    const host: Host = {
      renderer: new Raster(),
      openUi: (options, receive) => this.#openPanel(options, receive),
      notify: (message) => {
        this.notes.push(message);
        return () => undefined;
      },
      report: (error) => void this.errors.push(String(error)),
    };
    const storage = new ClientStorage();
    for (const [key, value] of Object.entries(setting.stored)) void storage.setAsync(key, value);
    this.#editor = new Editor(this.#file, setting.manifest, host, storage);
  }

  /** Runs the plugin, by a command of its menu; a run that goes on ends, as in Figma. */
  start(command: string): void {
    this.#run?.close();
    const run = new PluginRun(this.#editor, command);
    this.#run = run;
    const sandbox = new Function('figma', '__uiFiles__', 'setTimeout', 'clearTimeout', 'console', this.#setting.code);
    sandbox(run.figma, { embedded: this.#setting.panel }, setTimeout.bind(null), clearTimeout.bind(null), console);
    run.begin();
  }

  /** Opens a document of the test's own where the panel would be. Its messages are kept in `said`. */
  openDocument(html: string): void {
    this.#openPanel({ html, title: '', width: 360, height: 600, visible: true, themeColors: true }, (data) => {
      this.said.push(data);
    });
  }
  readonly said: unknown[] = [];

  select(...names: string[]): void {
    const { scene } = this.#file;
    const nodes = scene.get(this.#page).children.map((id) => scene.get(id));
    this.#editor.select(names.map((name) => nodes.find((node) => node.name === name)!.id));
  }

  /** The layers of the page from back to front. */
  layers(): ReplicaLayer[] {
    const { scene, images } = this.#file;
    return scene.get(this.#page).children.map((id) => {
      const { name, kind, visible, fills } = scene.get(id);
      const shown = fills.flatMap((fill) =>
        fill.type === 'IMAGE' ? [{ png: toBase64(images.get(fill.imageHash!)!), visible: fill.visible !== false }] : [],
      );
      return { name, kind, visible, images: shown };
    });
  }

  #openPanel({ html, width, height }: UiOptions, receive: (data: unknown, origin: string) => void): UiWindow {
    const frame = document.createElement('iframe');
    frame.src = '/plugin-frame';
    frame.style.cssText = `width: ${width}px; height: ${height}px`;
    const open: OpenPanel = { html, domains: this.#setting.domains, theme: 'figma-light' };
    frame.onload = () => frame.contentWindow!.postMessage({ open }, '*');
    const listen = (event: MessageEvent<{ data: unknown; origin: string }>): void => {
      if (event.source === frame.contentWindow) receive(event.data.data, event.data.origin);
    };
    addEventListener('message', listen);
    document.body.append(frame);
    return {
      post: (message) => frame.contentWindow!.postMessage(message, '*'),
      resize: () => undefined,
      setVisible: () => undefined,
      close: () => {
        removeEventListener('message', listen);
        frame.remove();
      },
    };
  }
}

const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const toBase64 = (bytes: Uint8Array): string => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));

const api = {
  /** Makes the document; `current` is the replica that the other calls speak to. */
  open: (setting: ReplicaSetting): void => void (api.current = new Replica(setting)),
  current: undefined as unknown as Replica,
  /** Greatest difference of a channel between two PNGs of the same size. */
  difference(first: string, second: string): number {
    const [a, b] = [first, second].map((png) => Array.from(decode(fromBase64(png)).data)) as [number[], number[]];
    if (a.length !== b.length) throw new Error('the pictures differ in size');
    return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
  },
};

export type ReplicaApi = typeof api;

declare global {
  var diptychReplica: ReplicaApi;
}

globalThis.diptychReplica = api;
