/** A document with a page, an editor on it, and a host that keeps what it is told. */
import type { PluginAPI } from '@figma/plugin-typings/plugin-api-standalone';
import { ClientStorage } from '../../playground/figma/client-storage';
import { Editor } from '../../playground/figma/editor';
import { FigmaFile } from '../../playground/figma/file';
import { PluginRun } from '../../playground/figma/plugin-run';
import type { Host, UiOptions } from '../../playground/figma/ports';
import { ROOT, type Scene } from '../../playground/figma/scene';
import { Raster } from './raster';

export interface ShownUi {
  readonly options: UiOptions;
  readonly posted: { readonly message: unknown; readonly origin: string }[];
  /** As the page in the window posts to its parent. */
  readonly send: (data: unknown, origin?: string) => void;
  closed: boolean;
}

export class Desk {
  readonly file = new FigmaFile();
  readonly pageId: string;
  readonly editor: Editor;
  readonly windows: ShownUi[] = [];
  readonly notes: string[] = [];
  readonly reports: unknown[] = [];

  constructor(readonly storage = new ClientStorage()) {
    this.pageId = this.file.scene.create('PAGE', ROOT, { name: 'Page 1' }).id;
    this.file.scene.create('PAGE', ROOT, { name: 'Page 2' });
    this.file.history.restart();
    const host: Host = {
      renderer: new Raster(),
      openUi: (options, receive) => {
        const shown: ShownUi = {
          options,
          posted: [],
          closed: false,
          send: (data, origin = 'null') => receive(data, origin),
        };
        this.windows.push(shown);
        return {
          post: (message, origin) => void shown.posted.push({ message, origin }),
          resize: () => {},
          setVisible: () => {},
          close: () => (shown.closed = true),
        };
      },
      notify: (message) => {
        this.notes.push(message);
        return () => {};
      },
      report: (error) => void this.reports.push(error),
    };
    this.editor = new Editor(this.file, { id: 'test-plugin', name: 'Test' }, host, storage);
  }

  get scene(): Scene {
    return this.file.scene;
  }

  run(command = '', options: ConstructorParameters<typeof PluginRun>[2] = {}): { run: PluginRun; figma: PluginAPI } {
    const run = new PluginRun(this.editor, command, options);
    return { run, figma: run.figma };
  }
}

/** Until everything that is due has happened. */
export const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
