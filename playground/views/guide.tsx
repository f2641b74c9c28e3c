/** What to do first, ticked off as it is done; goes away when it is all done, or closed. */
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { ROOT } from '../figma/scene';
import type { App } from '../model/app';
import { Symbol16 } from './icons';

export function Guide({ app }: { app: App }) {
  const open = useSignal(true);
  void app.changes.value;
  // The plugin puts its buttons on the layers of a pair it learned from, and on what it made.
  const buttons = [...app.file.scene.descendants(ROOT)].flatMap(({ relaunchData }) => Object.keys(relaunchData));
  const [learned, restyled] = [buttons.includes('learn'), buttons.includes('tune')];
  if (!open.value || restyled) return null;
  return (
    <section class="guide" aria-label="How to begin">
      <button class="square" aria-label="Close" onClick={() => (open.value = false)}>
        <Symbol16 name="close" />
      </button>
      <h2>How to begin</h2>
      <ol>
        <Step done={learned}>A picture and its redrawing are selected.</Step>
        <Step done={learned}>
          Name the style and press <strong>Learn style</strong>. Nothing leaves your computer.
        </Step>
        <Step done={false}>
          Select other pictures and press <strong>Restyle</strong>. Drop your own on the canvas.
        </Step>
      </ol>
    </section>
  );
}

function Step({ done, children }: { done: boolean; children: ComponentChildren }) {
  return (
    <li class={done ? 'done' : undefined}>
      {children}
      {done && <span class="visually-hidden"> Done.</span>}
    </li>
  );
}
