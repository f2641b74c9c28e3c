/** Entry of the playground's page. `?panel=embedded` opens the panel that is built into the plugin. */
import { effect, signal } from '@preact/signals';
import { render } from 'preact';
import manifest from '../manifest.json';
import { ClientStorage } from './figma/client-storage';
import { App } from './model/app';
import { createHandle, type PlaygroundHandle } from './model/handle';
import { fetchPlugin } from './model/plugin-session';
import { openSamples } from './model/samples';
import type { Theme } from './model/theme';
import { Page } from './views/app';
import './style/playground.css';

declare global {
  /** There once the page is up. */
  var playground: PlaygroundHandle | undefined;
}

/** The hosted panel's address that code.js was built with; set by the build. */
declare const DIPTYCH_HOST: string;

async function start(): Promise<void> {
  const here = new URL('.', location.href).href.replace(/\/$/, '');
  const [files, { file, pair }] = await Promise.all([
    fetchPlugin(manifest, `${here}/plugin/`, DIPTYCH_HOST, `${here}/hosted`),
    openSamples(fetchSample),
  ]);
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const theme = signal<Theme>(dark ? 'dark' : 'light');
  const storage = new ClientStorage();
  // As if the user had chosen, in an earlier session, where the panel comes from.
  const panel = new URLSearchParams(location.search).get('panel') === 'embedded' ? 'embedded' : 'hosted';
  await storage.setAsync('settings', { panel, model: 'embedded' });
  const app = new App(file, files, theme, storage);
  render(<Page app={app} />, document.getElementById('root')!);
  globalThis.playground = createHandle(app);
  app.editor.select(pair);
  app.plugin.start(app.editor, 'open');
  await until(() => app.sized.value && app.plugin.window.value !== null);
  app.showAll();
}

/** Resolves once a condition on signals holds. */
function until(condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    effect(function watch() {
      if (!condition()) return;
      resolve();
      this.dispose();
    });
  });
}

async function fetchSample(name: string): Promise<Uint8Array> {
  const response = await fetch(`samples/${name}`);
  if (!response.ok) throw new Error(`samples/${name} is missing. Start the playground with: npm start`);
  return new Uint8Array(await response.arrayBuffer());
}

start().catch((error: unknown) => {
  document.getElementById('root')!.textContent = error instanceof Error ? error.message : String(error);
});
