/** The canvas: draws the page that is open and takes pointer and wheel. */
import { effect } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { drawNode } from '../draw/node';
import { drawOverlay } from '../draw/overlay';
import { cssColor } from '../draw/paint';
import type { Transform } from '@figma/plugin-typings/plugin-api-standalone';
import type { App } from '../model/app';
import { CanvasPointer } from '../model/pointer';

const COLORS = {
  light: { accent: '#0d99ff', component: '#9747ff', label: 'rgb(0 0 0 / 0.5)', page: '#f0f0f0' },
  dark: { accent: '#0c8ce9', component: '#b28aff', label: 'rgb(255 255 255 / 0.6)', page: '#1e1e1e' },
} as const;

export function Canvas({ app }: { app: App }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const pointer = useMemo(() => new CanvasPointer(app), [app]);
  useEffect(() => followSize(app, canvas.current!), [app]);
  useEffect(() => keepDrawn(app, canvas.current!), [app]);
  useEffect(() => listenToWheel(app, canvas.current!), [app]);
  useEffect(() => followSpace(), []);

  const pointOf = (event: MouseEvent) => {
    const { left, top } = canvas.current!.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  return (
    <canvas
      ref={canvas}
      class="canvas"
      tabIndex={0}
      role="application"
      aria-label="Canvas. Select layers with the pointer, or in the list of layers."
      onPointerDown={(event) => {
        canvas.current!.setPointerCapture(event.pointerId);
        canvas.current!.focus();
        if (event.button > 1) return;
        pointer.down({
          point: pointOf(event),
          shift: event.shiftKey,
          deep: event.ctrlKey || event.metaKey,
          double: false,
          pan: event.button === 1 || spaceIsDown,
        });
      }}
      onDblClick={(event) => {
        const press = { point: pointOf(event), shift: false, deep: false, double: true, pan: false };
        pointer.down(press);
        pointer.up();
      }}
      onPointerMove={(event) => pointer.move(pointOf(event))}
      onPointerUp={() => pointer.up()}
      onPointerCancel={() => pointer.up()}
      onPointerLeave={() => (app.hovered.value = null)}
    />
  );
}

let spaceIsDown = false;

function followSpace(): () => void {
  const onKey = (event: KeyboardEvent): void => {
    if (event.code === 'Space') spaceIsDown = event.type === 'keydown';
  };
  addEventListener('keydown', onKey);
  addEventListener('keyup', onKey);
  return () => {
    removeEventListener('keydown', onKey);
    removeEventListener('keyup', onKey);
  };
}

function followSize(app: App, canvas: HTMLCanvasElement): () => void {
  const observer = new ResizeObserver(() => {
    const { clientWidth: width, clientHeight: height } = canvas;
    canvas.width = Math.round(width * devicePixelRatio);
    canvas.height = Math.round(height * devicePixelRatio);
    app.editor.view = { ...app.editor.view, width, height };
    app.sized.value = true;
  });
  observer.observe(canvas);
  return () => observer.disconnect();
}

/** Not through the element's handlers, which could not keep the browser from zooming the page. */
function listenToWheel(app: App, canvas: HTMLCanvasElement): () => void {
  const onWheel = (event: WheelEvent): void => {
    event.preventDefault();
    const { left, top } = canvas.getBoundingClientRect();
    const point = { x: event.clientX - left, y: event.clientY - top };
    if (event.ctrlKey || event.metaKey) app.zoomAt(point, Math.exp(-event.deltaY / 300));
    else app.pan(event.shiftKey ? { x: -event.deltaY, y: 0 } : { x: -event.deltaX, y: -event.deltaY });
  };
  canvas.addEventListener('wheel', onWheel, { passive: false });
  return () => canvas.removeEventListener('wheel', onWheel);
}

/** Draws once per frame of the screen, and only when something changed. */
function keepDrawn(app: App, canvas: HTMLCanvasElement): () => void {
  let frame = 0;
  const stop = effect(() => {
    // What the drawing depends on.
    void [app.changes.value, app.view.value, app.pageId.value, app.selection.value];
    void [app.marquee.value, app.hovered.value, app.theme.value];
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      draw(app, canvas);
    });
  });
  return () => {
    stop();
    cancelAnimationFrame(frame);
  };
}

function draw(app: App, canvas: HTMLCanvasElement): void {
  const context = canvas.getContext('2d')!;
  const { scene } = app.file;
  const { zoom, center, width, height } = app.editor.view;
  const colors = COLORS[app.theme.value];
  const page = scene.get(app.editor.pageId);
  const [background] = page.fills;
  context.resetTransform();
  context.fillStyle = background?.type === 'SOLID' && background.visible !== false ? cssColor(background) : colors.page;
  context.fillRect(0, 0, canvas.width, canvas.height);
  const toScreen: Transform = [
    [zoom, 0, width / 2 - center.x * zoom],
    [0, zoom, height / 2 - center.y * zoom],
  ];
  context.setTransform(
    devicePixelRatio * zoom,
    0,
    0,
    devicePixelRatio * zoom,
    devicePixelRatio * toScreen[0][2],
    devicePixelRatio * toScreen[1][2],
  );
  for (const id of page.children) drawNode({ scene, bitmaps: app.bitmaps }, context, scene.get(id));
  context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  drawOverlay(context, {
    scene,
    pageId: page.id,
    selection: app.editor.selection,
    hovered: app.hovered.value,
    marquee: app.marquee.value,
    toScreen,
    colors,
  });
}
