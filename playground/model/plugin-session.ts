/** The plugin as the playground runs it: built code from dist/, one run at a time, its window, its quick actions. */
import { signal, type ReadonlySignal } from '@preact/signals';
import type { ParameterValues } from '@figma/plugin-typings/plugin-api-standalone';
import type { Editor } from '../figma/editor';
import { PluginRun } from '../figma/plugin-run';
import type { Manifest, UiOptions, UiWindow } from '../figma/ports';
import { PanelFrame } from './panel-frame';
import { Sandbox } from './sandbox';
import type { Theme } from './theme';

export interface MenuParameter {
  readonly name: string;
  readonly key: string;
  readonly description?: string;
  readonly optional?: boolean;
}

export interface MenuItem {
  readonly name?: string;
  readonly command?: string;
  readonly separator?: boolean;
  readonly parameters?: readonly MenuParameter[];
}

export interface PluginManifest extends Manifest {
  readonly menu: readonly MenuItem[];
}

/** What was built for Figma. */
export interface PluginFiles {
  readonly manifest: PluginManifest;
  /** dist/plugin/code.js */
  readonly code: string;
  /** Address of the embedded panel's document, which is fetched when it is shown. */
  readonly embeddedUrl: string;
}

export interface PluginWindowState {
  readonly frame: PanelFrame;
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly visible: boolean;
}

/** Stands for the embedded panel's 20 MB, which are fetched when the plugin shows them. */
const EMBEDDED = '<!-- the embedded panel -->';

export class PluginSession {
  readonly #window = signal<PluginWindowState | null>(null);
  readonly #running = signal(false);
  #current: PluginRun | undefined;

  constructor(
    readonly files: PluginFiles,
    private readonly theme: ReadonlySignal<Theme>,
  ) {
    theme.subscribe((name) => {
      const window = this.#window.peek();
      if (window) window.frame.theme = name;
    });
  }

  /** The open window; null when there is none. */
  get window(): ReadonlySignal<PluginWindowState | null> {
    return this.#window;
  }

  get running(): ReadonlySignal<boolean> {
    return this.#running;
  }

  /** Runs a command of manifest.json. As in Figma, a run that is under way ends first. */
  start(editor: Editor, command: string): void {
    this.askFor(editor, command).begin();
  }

  /** Starts a command whose parameters are asked for; a run that is under way goes on until they are given. */
  askFor(editor: Editor, command: string): Asking {
    const sandbox = new Sandbox();
    const run = new PluginRun(editor, command, {
      asking: true,
      onClose: () => {
        sandbox.stop();
        if (this.#current !== run) return;
        this.#current = undefined;
        this.#running.value = false;
      },
    });
    try {
      sandbox.run(this.files.code, run.figma, { embedded: EMBEDDED });
    } catch (error) {
      editor.host.report(error);
      run.close();
    }
    return {
      ask: (...question) => run.ask(...question),
      begin: (parameters) => {
        if (run.closed) return;
        this.#current?.close();
        this.#current = run;
        this.#running.value = true;
        run.begin(parameters);
      },
      cancel: () => run.close(),
    };
  }

  close(): void {
    this.#current?.close();
  }

  /** The host's side of figma.showUI. */
  open(options: UiOptions, receive: (data: unknown, origin: string) => void): UiWindow {
    const { width, height, title, visible } = options;
    const frame = new PanelFrame(this.#htmlOf(options), options, this.theme.peek(), receive);
    const opened: PluginWindowState = { frame, title, width, height, visible };
    this.#window.value = opened;
    const change = (patch: Partial<PluginWindowState>): void => {
      const now = this.#window.peek();
      if (now?.frame === frame) this.#window.value = { ...now, ...patch };
    };
    return {
      post: (message, origin) => frame.post(message, origin),
      resize: (newWidth, newHeight) => change({ width: newWidth, height: newHeight }),
      setVisible: (shown) => change({ visible: shown }),
      close: () => {
        frame.close();
        if (this.#window.peek()?.frame === frame) this.#window.value = null;
      },
    };
  }

  async #htmlOf({ html }: UiOptions): Promise<string> {
    if (html !== EMBEDDED) return html;
    const response = await fetch(this.files.embeddedUrl);
    return response.ok ? response.text() : '<p>The embedded panel was not built. Run: npm run build</p>';
  }
}

/** A command on its way. */
export interface Asking {
  readonly ask: PluginRun['ask'];
  begin(parameters?: ParameterValues): void;
  cancel(): void;
}

/**
 * Fetches what `npm run build` made of the plugin. Throws an Error for the page to show when it is not there.
 * @param base address of dist/plugin/, with the slash.
 * @param hosted address of the hosted panel on this page's server; code.js was built with `builtFor` in its place.
 */
export async function fetchPlugin(
  manifest: PluginManifest,
  base: string,
  builtFor: string,
  hosted: string,
): Promise<PluginFiles> {
  const response = await fetch(`${base}code.js`);
  if (!response.ok) throw new Error('The plugin was not built. Start the playground with: npm start');
  const code = await response.text();
  return { manifest, code: builtFor ? code.replaceAll(builtFor, hosted) : code, embeddedUrl: `${base}ui.html` };
}
