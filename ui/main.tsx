/** Starts the panel: the bridge to the sandbox, the engine's side, the state, the page. */
import '@preact/signals';
import { options, render } from 'preact';
import { connectBridge } from './bridge';
import { escapeForeignText } from './components/foreign-text';
import { createPorts } from './engine/create';
import type { PanelAssets } from './ports';
import { App } from './state/app';
import './style/panel.css';
import { AppContext } from './views/context';
import { PanelView } from './views/panel-view';

/** Mounts the panel into the page's #panel and greets the sandbox. */
export function startPanel(assets: PanelAssets, trusts?: (origin: string) => boolean): void {
  takeTheme();
  escapeForeignText(options);
  const app = new App({ ...createPorts(assets), bridge: connectBridge(window, trusts), build: assets.build, saveFile });
  // Not an effect: it would depend on the list of notices that it writes to.
  app.services.engine.notice.subscribe((notice) => {
    if (notice) app.services.notices.info(notice);
  });
  render(
    <AppContext.Provider value={app}>
      <PanelView />
    </AppContext.Provider>,
    document.getElementById('panel')!,
  );
  void app.open();
}

/** Figma marks its own documents with its theme; a panel from a server is told in its address. */
function takeTheme(): void {
  const theme = /figma-(?:dark|light)/.exec(location.hash)?.[0];
  if (theme) document.documentElement.classList.add(theme);
}

function saveFile(name: string, content: Uint8Array): void {
  const address = URL.createObjectURL(new Blob([content as BlobPart], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The browser has taken hold of the content by the next turn of its event loop.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
