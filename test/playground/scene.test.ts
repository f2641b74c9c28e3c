import { NO_LAYOUT } from '../../playground/figma/node-data';
import { multiply, rotation, translation } from '../../playground/figma/transform';
import { Desk, settled } from './desk';

const at = (x: number, y: number) => ({ transform: translation(x, y) });

describe('places', () => {
  test('what is in a group is placed in the container of the group', () => {
    const { scene, pageId } = new Desk();
    const frame = scene.create('FRAME', pageId, { ...at(100, 200), width: 400, height: 400 });
    const group = scene.create('GROUP', frame.id);
    const inner = scene.create('GROUP', group.id);
    const box = scene.create('RECTANGLE', inner.id, { ...at(10, 20), width: 30, height: 40 });
    expect(scene.bounds(box.id)).toEqual({ x: 110, y: 220, width: 30, height: 40 });
    expect(scene.bounds(group.id)).toEqual(scene.bounds(box.id));
  });

  test('a group fits what is in it, turned as it is', () => {
    const { scene, pageId } = new Desk();
    const group = scene.create('GROUP', pageId, { transform: rotation(30) });
    const turned = (x: number, y: number) => ({ transform: multiply(rotation(30), translation(x, y)) });
    scene.create('RECTANGLE', group.id, { ...turned(0, 0), width: 10, height: 10 });
    scene.create('RECTANGLE', group.id, { ...turned(40, 10), width: 10, height: 20 });
    const { width, height } = scene.get(group.id);
    expect(width).toBeCloseTo(50);
    expect(height).toBeCloseTo(30);
  });

  test('moving a group moves everything in it, groups too, and nothing else', () => {
    const { scene, pageId } = new Desk();
    const group = scene.create('GROUP', pageId);
    const inner = scene.create('GROUP', group.id);
    const box = scene.create('RECTANGLE', inner.id, at(10, 20));
    const frame = scene.create('FRAME', group.id, at(50, 60));
    const child = scene.create('RECTANGLE', frame.id, at(1, 2));
    scene.patch(group.id, { transform: translation(110, 220) });
    expect(scene.bounds(box.id)).toMatchObject({ x: 110, y: 220 });
    expect(scene.bounds(frame.id)).toMatchObject({ x: 150, y: 260 });
    expect(scene.get(child.id).transform).toEqual(translation(1, 2));
  });

  test('a group goes with the last thing in it, and the group around it too', () => {
    const { scene, pageId } = new Desk();
    const group = scene.create('GROUP', pageId);
    const inner = scene.create('GROUP', group.id);
    const box = scene.create('RECTANGLE', inner.id);
    scene.remove(box.id);
    expect([scene.find(group.id), scene.find(inner.id)]).toEqual([undefined, undefined]);
    expect(scene.get(pageId).children).toEqual([]);
  });
});

describe('auto-layout', () => {
  const row = { ...NO_LAYOUT, mode: 'HORIZONTAL', itemSpacing: 5, paddingLeft: 10, paddingTop: 20 } as const;

  test('places what is in the flow and hugs it', () => {
    const { scene, pageId } = new Desk();
    const frame = scene.create('FRAME', pageId, { layout: { ...row, counterAxisAlign: 'CENTER' } });
    const [first, second] = [30, 50].map((height) => scene.create('RECTANGLE', frame.id, { width: 20, height }));
    expect(scene.get(first!.id).transform).toEqual(translation(10, 30));
    expect(scene.get(second!.id).transform).toEqual(translation(35, 20));
    expect(scene.get(frame.id)).toMatchObject({ width: 55, height: 70 });
  });

  test('leaves out what is hidden or placed absolutely', () => {
    const { scene, pageId } = new Desk();
    const frame = scene.create('FRAME', pageId, { layout: row });
    const hidden = scene.create('RECTANGLE', frame.id, { width: 20, height: 20 });
    const free = scene.create('RECTANGLE', frame.id, { width: 20, height: 20 });
    const last = scene.create('RECTANGLE', frame.id, { width: 20, height: 20 });
    scene.patch(hidden.id, { visible: false });
    scene.patch(free.id, { layoutPositioning: 'ABSOLUTE' });
    scene.patch(free.id, { transform: translation(-7, -8) });
    expect(scene.get(last.id).transform).toEqual(translation(10, 20));
    expect(scene.get(free.id).transform).toEqual(translation(-7, -8));
  });
});

describe('undo', () => {
  test('takes back what is not committed, then step by step, and forward again', () => {
    const { scene, pageId, file } = new Desk();
    const box = scene.create('RECTANGLE', pageId);
    file.history.commit();
    scene.patch(box.id, { name: 'second' });
    file.history.commit();
    scene.patch(box.id, { name: 'third' });
    const names = () => scene.find(box.id)?.name;
    expect(file.history.undoable).toBe(3);
    file.history.undo();
    expect(names()).toBe('second');
    file.history.undo();
    expect(names()).toBe('Rectangle');
    file.history.undo();
    expect(names()).toBeUndefined();
    expect(file.history.undo()).toBe(false);
    file.history.redo();
    file.history.redo();
    file.history.redo();
    expect(names()).toBe('third');
    expect(file.history.redo()).toBe(false);
  });

  test('something new forgets what was taken back', () => {
    const { scene, pageId, file } = new Desk();
    scene.create('RECTANGLE', pageId);
    file.history.undo();
    scene.create('ELLIPSE', pageId);
    file.history.commit();
    expect(file.history.redo()).toBe(false);
  });

  test('is told of like any other change', async () => {
    const { scene, pageId, file } = new Desk();
    const box = scene.create('RECTANGLE', pageId);
    await settled();
    const heard: string[][] = [];
    scene.subscribe((changes) => heard.push([...changes.keys()]));
    file.history.undo();
    await settled();
    expect(heard).toEqual([[pageId, box.id]]);
  });
});
