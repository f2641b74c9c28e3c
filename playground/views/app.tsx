/** The whole page. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { App } from '../model/app';
import { onShortcut } from '../model/shortcuts';
import { Canvas } from './canvas';
import { Symbol16 } from './icons';
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
  return (
    <div class={`playground theme-${app.theme.value}`}>
      <Toolbar app={app} />
      <aside class="sidebar">
        <Pages app={app} />
        <h2 class="heading">Layers</h2>
        <Layers app={app} />
        <Welcome />
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

function Welcome() {
  const open = useSignal(true);
  if (!open.value) return null;
  return (
    <section class="welcome" aria-label="How to begin">
      <button class="square" aria-label="Close" onClick={() => (open.value = false)}>
        <Symbol16 name="close" />
      </button>
      <h2>How to begin</h2>
      <ol>
        <li>A picture and its redrawing are selected.</li>
        <li>
          Name the style and press <strong>Learn style</strong>. Nothing leaves your computer.
        </li>
        <li>
          Select other pictures and press <strong>Restyle</strong>. Drop your own on the canvas.
        </li>
      </ol>
    </section>
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
