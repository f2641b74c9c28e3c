/** Starts, asks, and ends a run of the plugin: what the editor around it does. */
import type { ParameterValues, PluginAPI, SuggestionResults } from '@figma/plugin-typings/plugin-api-standalone';
import { copyMessage } from './message';
import type { Editor, EditorEvent } from './editor';
import { createFigma } from './figma';
import { changesByPage } from './node-changes';
import { wrapNode } from './nodes/registry';
import { Run } from './run';
import { PluginUi } from './ui';

export type Suggestion = Parameters<SuggestionResults['setSuggestions']>[0][number];

/** What the plugin answered to what was typed. */
export type Answer =
  | { readonly kind: 'suggestions'; readonly suggestions: readonly Suggestion[] }
  | { readonly kind: 'error'; readonly message: string }
  | { readonly kind: 'loading'; readonly message: string };

export class PluginRun {
  /** What the plugin's code gets as `figma`. */
  readonly figma: PluginAPI;
  readonly #run: Run;
  readonly #ui: PluginUi;
  readonly #unsubscribe: readonly (() => void)[];
  readonly #onClose: () => void;

  /**
   * @param options.asking whether parameters are asked for first: `begin` then comes when the user has given them.
   * @param options.onClose called once, when the plugin ended itself or was ended.
   */
  constructor(
    readonly editor: Editor,
    readonly command: string,
    options: { readonly asking?: boolean; readonly onClose?: () => void } = {},
  ) {
    this.#run = new Run(editor, wrapNode);
    this.#run.asking = options.asking ?? false;
    this.#onClose = options.onClose ?? (() => {});
    this.#ui = new PluginUi(this.#run);
    this.figma = createFigma(this.#run, command, this.#ui, (message) => this.close(message));
    this.#unsubscribe = [
      editor.subscribe((event) => this.#heard(event)),
      editor.file.scene.subscribe((changes) => {
        for (const [pageId, nodeChanges] of changesByPage(this.#run, changes)) {
          this.#run.events.emitNow(`nodechange ${pageId}`, { nodeChanges });
        }
      }),
    ];
  }

  get closed(): boolean {
    return this.#run.closed;
  }

  /** Fires `run`, once the plugin's code was evaluated. */
  begin(parameters?: ParameterValues): void {
    this.#run.asking = false;
    this.#run.events.emit('run', { command: this.command, parameters });
  }

  /**
   * Asks for suggestions while a parameter is typed.
   * @param parameters what was given for the parameters before.
   * @param listen told of every answer; the last one counts. Never called for a plugin that does not listen.
   */
  ask(key: string, query: string, parameters: ParameterValues, listen: (answer: Answer) => void): void {
    const result: SuggestionResults = {
      setSuggestions: (suggestions) => listen({ kind: 'suggestions', suggestions }),
      setError: (message) => listen({ kind: 'error', message }),
      setLoadingMessage: (message) => listen({ kind: 'loading', message }),
    };
    this.#run.events.emit('input', { key, query, parameters: copyMessage(parameters), result });
  }

  /** Ends the run: `close` is heard, nothing after it. What it changed and did not commit becomes one step of undo. */
  close(message?: string): void {
    if (this.#run.closed) return;
    this.#run.events.emitNow('close');
    this.#run.closed = true;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#run.events.clear();
    this.#ui.close();
    this.editor.file.history.commit();
    if (message) this.editor.host.notify(message, {});
    this.#onClose();
  }

  #heard(event: EditorEvent): void {
    if (event === 'viewchange') return;
    // Figma loads the page the user goes to.
    this.#run.loadedPages.add(this.editor.pageId);
    this.#run.events.emit(event);
    if (event === 'currentpagechange') this.#run.events.emit('selectionchange');
  }
}
