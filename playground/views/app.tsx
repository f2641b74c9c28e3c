/** The whole page. */
import { useEffect } from 'preact/hooks';
import type { App } from '../model/app';
import { takePictures } from '../model/import-images';
import { onShortcut } from '../model/shortcuts';
import { themeClass } from '../model/theme';
import { Canvas } from './canvas';
import { Guide } from './guide';
import { Inspector } from './inspector';
import { Layers, Pages } from './layers';
import { PluginWindow } from './plugin-window';
import { QuickActions } from './quick-actions';
import { Toolbar } from './toolbar';

export function Page({ app }: { app: App }) {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => onShortcut(app, event);
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [app]);
  useEffect(() => takePictures(app), [app]);
  useEffect(() => app.theme.subscribe((theme) => (document.documentElement.className = themeClass(theme))), [app]);
  return (
    <div class="playground">
      <Toolbar app={app} />
      <aside class="sidebar">
        <Pages app={app} />
        <h2 class="heading">Layers</h2>
        <Layers app={app} />
        <Guide app={app} />
        <Inspector app={app} />
      </aside>
      <main class="stage">
        <Canvas app={app} />
        <PluginWindow app={app} />
        <Notes app={app} />
      </main>
      <QuickActions app={app} />
    </div>
  );
}

function Notes({ app }: { app: App }) {
  return (
    <div class="notes" role="status" aria-live="polite">
      {app.notes.value.map(({ id, text, error, button }) => (
        <p key={id} class={`toast${error ? ' error' : ''}`}>
          {text}
          {button && <button onClick={button.act}>{button.text}</button>}
        </p>
      ))}
    </div>
  );
}
