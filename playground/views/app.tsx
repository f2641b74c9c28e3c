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
        <Inspector app={app} />
      </aside>
      <main class="stage">
        <Canvas app={app} />
        <PluginWindow app={app} />
        <Welcome />
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
      <h2>Learn a style from one pair</h2>
      <ol>
        <li>A picture and its redrawing are selected: a pair.</li>
        <li>
          Press <strong>Learn</strong> in the panel. It takes a few minutes and stays on your computer.
        </li>
        <li>
          Select other pictures and press <strong>Restyle</strong>. Or drop your own pictures here.
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
