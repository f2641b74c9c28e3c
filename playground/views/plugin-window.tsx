/** The plugin's window over the canvas: a title bar to drag it by, and the frame with the panel. */
import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { App } from '../model/app';
import type { PluginWindowState } from '../model/plugin-session';
import { Symbol16 } from './icons';

/** px */
const EDGE = 16;

export function PluginWindow({ app }: { app: App }) {
  const window = app.plugin.window.value;
  if (!window) return null;
  return <Shown app={app} shown={window} />;
}

function Shown({ app, shown }: { app: App; shown: PluginWindowState }) {
  const body = useRef<HTMLDivElement>(null);
  const moved = useSignal({ x: 0, y: 0 });
  const drag = useRef<{ x: number; y: number } | null>(null);
  useLayoutEffect(() => body.current!.replaceChildren(shown.frame.element), [shown.frame]);
  return (
    <section
      class="plugin-window"
      aria-label={`${shown.title} plugin`}
      hidden={!shown.visible}
      style={{ right: `${EDGE}px`, top: `${EDGE}px`, translate: `${moved.value.x}px ${moved.value.y}px` }}
    >
      <header
        onPointerDown={(event) => {
          if ((event.target as HTMLElement).closest('button')) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          drag.current = { x: event.clientX - moved.value.x, y: event.clientY - moved.value.y };
        }}
        onPointerMove={(event) => {
          if (!drag.current) return;
          moved.value = { x: event.clientX - drag.current.x, y: event.clientY - drag.current.y };
        }}
        onPointerUp={() => (drag.current = null)}
        onPointerCancel={() => (drag.current = null)}
      >
        <Mark />
        <h2>{shown.title}</h2>
        <button class="square" aria-label={`Close ${shown.title}`} onClick={() => app.plugin.close()}>
          <Symbol16 name="close" />
        </button>
      </header>
      <div
        ref={body}
        class="plugin-body"
        style={{ width: `${shown.width}px`, height: `min(${shown.height}px, calc(100dvh - 130px))` }}
      />
    </section>
  );
}

/** Two leaves of a diptych. */
export function Mark() {
  return (
    <svg class="mark" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
      <path d="M7.5 2.5v11L2 11.8V4.2z" fill="var(--bg-brand)" />
      <path d="M8.5 2.5v11l5.5-1.7V4.2z" fill="none" stroke="currentColor" stroke-width="1.2" stroke-linejoin="round" />
    </svg>
  );
}
