/** The canvas: draws the page that is open and takes pointer and wheel. */
import { effect } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { drawNode, transformBy } from '../draw/node';
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
  const drawing = useRef<HTMLCanvasElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const pointer = useMemo(() => new CanvasPointer(app), [app]);
  useEffect(() => followSize(app, [drawing.current!, canvas.current!]), [app]);
  useEffect(() => keepDrawn(app, drawing.current!, canvas.current!), [app]);
  useEffect(() => listenToWheel(app, canvas.current!), [app]);
  useEffect(() => followSpace(), []);

  const pointOf = (event: MouseEvent) => {
    const { left, top } = canvas.current!.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  return (
    <>
      <canvas ref={drawing} class="canvas" aria-hidden="true" />
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
    </>
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

function followSize(app: App, canvases: readonly HTMLCanvasElement[]): () => void {
  const [first] = canvases;
  const observer = new ResizeObserver(() => {
    const { clientWidth: width, clientHeight: height } = first!;
    for (const canvas of canvases) {
      canvas.width = Math.round(width * devicePixelRatio);
      canvas.height = Math.round(height * devicePixelRatio);
    }
    app.editor.view = { ...app.editor.view, width, height };
    app.sized.value = true;
  });
  observer.observe(first!);
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

/** The document on one canvas, and what lies over it on another: the pointer moves more often than layers change. */
function keepDrawn(app: App, drawing: HTMLCanvasElement, overlay: HTMLCanvasElement): () => void {
  const common = (): void => void [app.changes.value, app.view.value, app.pageId.value, app.theme.value];
  const stops = [
    onceAFrame(common, () => drawDocument(app, drawing)),
    onceAFrame(
      () => {
        common();
        void [app.selection.value, app.marquee.value, app.hovered.value];
      },
      () => drawOver(app, overlay),
    ),
  ];
  return () => stops.forEach((stop) => stop());
}

/** Draws when one of the signals that `read` reads changed, at most once per frame of the screen. */
function onceAFrame(read: () => void, draw: () => void): () => void {
  let frame = 0;
  const stop = effect(() => {
    read();
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      draw();
    });
  });
  return () => {
    stop();
    cancelAnimationFrame(frame);
  };
}

/** From the page to px of the window's canvas. */
function screenTransform(app: App): Transform {
  const { zoom, center, width, height } = app.editor.view;
  return [
    [zoom, 0, width / 2 - center.x * zoom],
    [0, zoom, height / 2 - center.y * zoom],
  ];
}

function drawDocument(app: App, canvas: HTMLCanvasElement): void {
  const context = canvas.getContext('2d')!;
  const { scene } = app.file;
  const page = scene.get(app.editor.pageId);
  const [background] = page.fills;
  const plain = background?.type === 'SOLID' && background.visible !== false;
  context.resetTransform();
  context.fillStyle = plain ? cssColor(background) : COLORS[app.theme.value].page;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.scale(devicePixelRatio, devicePixelRatio);
  transformBy(context, screenTransform(app));
  for (const id of page.children) drawNode({ scene, bitmaps: app.bitmaps }, context, scene.get(id));
}

function drawOver(app: App, canvas: HTMLCanvasElement): void {
  const context = canvas.getContext('2d')!;
  context.resetTransform();
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.scale(devicePixelRatio, devicePixelRatio);
  drawOverlay(context, {
    scene: app.file.scene,
    pageId: app.editor.pageId,
    selection: app.editor.selection,
    hovered: app.hovered.value,
    marquee: app.marquee.value,
    toScreen: screenTransform(app),
    colors: COLORS[app.theme.value],
  });
}
