/** figma.showUI and figma.ui: the plugin's window and the messages to and from it. */
import type { MessageEventHandler, ShowUIOptions, UIAPI } from '@figma/plugin-typings/plugin-api-standalone';
import { copyMessage } from './message';
import type { UiWindow } from './ports';
import type { Run } from './run';

const DEFAULT_SIZE = { width: 300, height: 200 };
/** px */
const SMALLEST_WIDTH = 70;

type Implemented = Pick<
  UIAPI,
  'show' | 'hide' | 'resize' | 'close' | 'postMessage' | 'onmessage' | 'on' | 'once' | 'off'
>;

export class PluginUi implements Implemented {
  onmessage: MessageEventHandler | undefined;
  readonly #run: Run;
  #window: UiWindow | undefined;

  constructor(run: Run) {
    this.#run = run;
  }

  /** figma.showUI. A window that is open gives way to the new one. */
  open(html: string, options: ShowUIOptions): void {
    this.#run.refuseWhileAsking('showUI');
    if (typeof html !== 'string') throw new Error('in showUI: Expected "html" to have type string');
    this.#window?.close();
    const { editor } = this.#run;
    const { title = editor.manifest.name, visible = true, themeColors = false } = options;
    const { width = DEFAULT_SIZE.width, height = DEFAULT_SIZE.height } = options;
    const window = editor.host.openUi(
      { html, title, width: Math.max(SMALLEST_WIDTH, width), height: Math.max(0, height), visible, themeColors },
      (data, origin) => {
        if (this.#window === window) this.#receive(data, origin);
      },
    );
    this.#window = window;
  }

  show(): void {
    this.#opened('show').setVisible(true);
  }

  hide(): void {
    this.#opened('hide').setVisible(false);
  }

  resize(width: number, height: number): void {
    this.#opened('resize').resize(Math.max(SMALLEST_WIDTH, width), Math.max(0, height));
  }

  close(): void {
    this.#window?.close();
    this.#window = undefined;
  }

  postMessage(pluginMessage: unknown, options: { origin?: string } = {}): void {
    const window = this.#opened('postMessage');
    const { id } = this.#run.editor.manifest;
    window.post({ pluginMessage: copyMessage(pluginMessage), pluginId: id }, options.origin ?? '*');
  }

  on(_type: 'message', callback: MessageEventHandler): void {
    this.#run.events.on('message', callback as never);
  }

  once(_type: 'message', callback: MessageEventHandler): void {
    this.#run.events.once('message', callback as never);
  }

  off(_type: 'message', callback: MessageEventHandler): void {
    this.#run.events.off('message', callback as never);
  }

  #opened(where: string): UiWindow {
    if (!this.#window) throw new Error(`in ${where}: No UI to communicate with. Call figma.showUI first.`);
    return this.#window;
  }

  /** Documents with an origin of their own must say which plugin they mean. */
  #receive(data: unknown, origin: string): void {
    if (typeof data !== 'object' || data === null || !('pluginMessage' in data)) return;
    const { pluginMessage, pluginId } = data as { pluginMessage: unknown; pluginId?: unknown };
    if (origin !== 'null' && pluginId !== '*' && pluginId !== this.#run.editor.manifest.id) return;
    const message = copyMessage(pluginMessage);
    const { onmessage } = this;
    if (onmessage) void this.#run.events.call(onmessage as never, message, { origin });
    this.#run.events.emitNow('message', message, { origin });
  }
}
