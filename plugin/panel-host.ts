/**
 * Shows the panel: the one built into the plugin, or the hosted one, which has WebGPU. When the hosted one does not
 * answer, the built-in one takes its place.
 */
import { InputError } from '../common/errors';
import type { PanelKind, ToPanel } from '../common/messages';
import type { Post } from './rpc';

/** The hosted panel's address without a last slash; '' when this build has none. Set by the build. */
declare const DIPTYCH_HOST: string;

export const HOST = DIPTYCH_HOST || null;
/** How long the hosted panel may take until its first message, ms. */
const PATIENCE = 8_000;
/** CSS px. */
const SIZE = { width: 360, height: 600 };

export class PanelHost {
  /** Panels shown so far. A reply to one that is gone must not reach the next: it numbers its requests anew. */
  #shown = 0;
  #listening = false;
  #timer: number | null = null;
  #fallback = false;

  /** Opens a panel in place of the one that is open. Throws an InputError when this build has no such panel. */
  show(kind: PanelKind): void {
    if (kind === 'hosted' && !HOST) throw new InputError('This build of Diptych has no panel that uses the GPU.');
    this.#open(kind, false);
    if (kind === 'hosted') this.#timer = setTimeout(() => this.#open('embedded', true), PATIENCE);
  }

  /** The panel said hello; from now on it gets events. Tells whether it stands in for the hosted one. */
  greet(): boolean {
    this.#stopWaiting();
    this.#listening = true;
    return this.#fallback;
  }

  /** Sends an event; false when no panel listens yet. One learns the state of things when it says hello. */
  tell(message: ToPanel): boolean {
    if (this.#listening) figma.ui.postMessage(message);
    return this.#listening;
  }

  /** A way to answer the panel that is open now. */
  replies(): Post {
    const shown = this.#shown;
    return (message) => {
      if (shown === this.#shown) figma.ui.postMessage(message);
    };
  }

  close(): void {
    this.#shown++;
    this.#listening = false;
    this.#stopWaiting();
    figma.closePlugin();
  }

  #open(kind: PanelKind, fallback: boolean): void {
    this.#stopWaiting();
    this.#shown++;
    this.#listening = false;
    this.#fallback = fallback;
    figma.showUI(kind === 'hosted' ? loader(HOST!) : __uiFiles__.embedded!, {
      ...SIZE,
      title: 'Diptych',
      themeColors: true,
    });
  }

  #stopWaiting(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** A page that goes to the hosted panel and takes the editor's theme along, which only this page is told. */
function loader(host: string): string {
  const address = JSON.stringify(`${host}/index.html`).replace(/</g, '\\u003c');
  return `<style>
html { height: 100%; background: var(--figma-color-bg, Canvas); color-scheme: light dark; }
body { margin: 0; height: 100%; display: grid; place-items: center; font: 11px/16px Inter, sans-serif; color: var(--figma-color-text-secondary, GrayText); }
</style>
<p role="status">Opening the panel that uses your computer’s GPU…</p>
<script>
window.location.href = ${address} + '#figma-' + (/figma-dark/.test(document.documentElement.className) ? 'dark' : 'light');
</script>`;
}
