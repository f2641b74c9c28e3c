/** What the user of the playground does to layers. */
import { encode } from 'fast-png';
import { duplicate, instantiate } from '../../playground/figma/clone';
import { NO_LAYOUT } from '../../playground/figma/node-data';
import { rotation, translation } from '../../playground/figma/transform';
import { deleteSelection, duplicateSelection, moveSelection, selectAll } from '../../playground/model/edits';
import { clicked, entered, nodesAt, nodesIn } from '../../playground/model/hit-test';
import { relaunchButtons } from '../../playground/model/relaunch';
import { Desk } from './desk';

const at = (x: number, y: number) => ({ transform: translation(x, y) });

describe('what a click means', () => {
  /** A frame with two boxes and a group in it, and a box beside it. */
  function laid() {
    const desk = new Desk();
    const { scene, pageId } = desk;
    const frame = scene.create('FRAME', pageId, { ...at(0, 0), width: 300, height: 100 }).id;
    const box = scene.create('RECTANGLE', frame, { ...at(0, 0), width: 50, height: 50 }).id;
    const group = scene.create('GROUP', frame).id;
    const inner = scene.create('ELLIPSE', group, { ...at(100, 0), width: 50, height: 50 }).id;
    const beside = scene.create('RECTANGLE', pageId, { ...at(400, 0), width: 50, height: 50 }).id;
    const chain = (x: number, y: number) => nodesAt(scene, pageId, { x, y });
    return { desk, scene, pageId, frame, box, group, inner, beside, chain };
  }

  test('what is in a frame on the page, but not what is in a group', () => {
    const { chain, box, group, frame, beside } = laid();
    expect(clicked(chain(10, 10), false)?.id).toBe(box);
    expect(clicked(chain(110, 10), false)?.id).toBe(group);
    expect(clicked(chain(250, 90), false)?.id).toBe(frame);
    expect(clicked(chain(410, 10), false)?.id).toBe(beside);
    expect(clicked(chain(350, 10), false)).toBeUndefined();
  });

  test('deep clicks and double clicks go further in', () => {
    const { chain, group, inner } = laid();
    expect(clicked(chain(110, 10), true)?.id).toBe(inner);
    expect(entered(chain(110, 10), [group])?.id).toBe(inner);
    expect(entered(chain(110, 10), [inner])?.id).toBe(inner);
  });

  test('neither what is hidden or locked, nor what is cut off', () => {
    const { scene, chain, box, frame } = laid();
    scene.patch(box, { visible: false });
    expect(clicked(chain(10, 10), false)?.id).toBe(frame);
    scene.patch(box, { visible: true, transform: translation(280, 0) });
    expect(chain(310, 10)).toEqual([]);
    scene.patch(frame, { locked: true });
    expect(chain(10, 10)).toEqual([]);
  });

  test('a drawn rectangle selects what it touches; a frame only whole', () => {
    const { scene, pageId, frame, box, group, beside } = laid();
    expect(nodesIn(scene, pageId, { x: -10, y: -10, width: 120, height: 30 })).toEqual([box, group]);
    expect(nodesIn(scene, pageId, { x: -10, y: -10, width: 500, height: 200 })).toEqual([frame, beside]);
  });
});

describe('edits', () => {
  test('moving follows the pointer, in turned frames too, and moves nothing twice', () => {
    const { editor, scene, pageId } = new Desk();
    const frame = scene.create('FRAME', pageId, { transform: rotation(90) });
    const box = scene.create('RECTANGLE', frame.id, { ...at(5, 5), width: 10, height: 10 });
    const before = scene.bounds(box.id);
    editor.select([box.id]);
    moveSelection(editor, { x: 7, y: 3 });
    expect(scene.bounds(box.id).x).toBeCloseTo(before.x + 7);
    expect(scene.bounds(box.id).y).toBeCloseTo(before.y + 3);
    editor.select([frame.id, box.id]);
    moveSelection(editor, { x: 1, y: 0 });
    expect(scene.bounds(box.id).x).toBeCloseTo(before.x + 8);
  });

  test('auto-layout, instances and locks hold what is theirs', () => {
    const { editor, scene, pageId } = new Desk();
    const row = scene.create('FRAME', pageId, { layout: { ...NO_LAYOUT, mode: 'VERTICAL' } });
    const component = scene.create('COMPONENT', pageId);
    scene.create('RECTANGLE', component.id);
    const instance = instantiate(scene, component.id, pageId, {});
    const held = [
      scene.create('RECTANGLE', row.id).id,
      scene.get(instance).children[0]!,
      scene.create('RECTANGLE', pageId, { locked: true }).id,
    ];
    const places = () => held.map((id) => scene.get(id).transform);
    const before = places();
    editor.select(held);
    moveSelection(editor, { x: 5, y: 5 });
    expect(places()).toEqual(before);
    deleteSelection(editor);
    expect(held.map((id) => scene.find(id) !== undefined)).toEqual([false, true, true]);
  });

  test('a duplicate is complete, in front, and one step', () => {
    const { editor, scene, pageId, file } = new Desk();
    const group = scene.create('GROUP', pageId);
    scene.create('RECTANGLE', group.id, { name: 'box' });
    scene.create('RECTANGLE', pageId, { name: 'front' });
    file.history.commit();
    editor.select([group.id]);
    duplicateSelection(editor);
    const [copy] = editor.selection;
    expect(scene.get(pageId).children.indexOf(copy!)).toBe(1);
    expect(scene.get(copy!).children.map((id) => scene.get(id).name)).toEqual(['box']);
    expect(scene.bounds(copy!)).toMatchObject({ x: 20, y: 20 });
    file.history.undo();
    expect(scene.get(pageId).children).toHaveLength(2);
  });

  test('all means what can be seen and is not locked', () => {
    const { editor, scene, pageId } = new Desk();
    const plain = scene.create('RECTANGLE', pageId);
    scene.create('RECTANGLE', pageId, { visible: false });
    scene.create('RECTANGLE', pageId, { locked: true });
    selectAll(editor);
    expect(editor.selection).toEqual([plain.id]);
  });
});

test('an instance looks like its component, and its sublayers are called after theirs', () => {
  const { scene, pageId } = new Desk();
  const component = scene.create('COMPONENT', pageId, { cornerRadius: 4 });
  const inner = scene.create('ELLIPSE', component.id, { name: 'dot' });
  const instance = instantiate(scene, component.id, pageId, at(200, 0));
  expect(scene.get(instance)).toMatchObject({ kind: 'INSTANCE', cornerRadius: 4, mainComponent: component.id });
  expect(scene.get(instance).children).toEqual([`I${instance};${inner.id}`]);
  expect(() => instantiate(scene, inner.id, pageId, {})).toThrow('only a component');
  expect(() => duplicate(scene, '0:0')).toThrow('document');
});

test('relaunch buttons show for what all selected layers have', () => {
  const { scene, pageId } = new Desk();
  const manifest = {
    id: 'x',
    name: 'X',
    menu: [],
    relaunchButtons: [
      { command: 'tune', name: 'Tune' },
      { command: 'learn', name: 'Learn', multipleSelection: true },
    ],
  };
  const both = scene.create('RECTANGLE', pageId, { relaunchData: { tune: 'one', learn: 'two', gone: '' } }).id;
  const pair = scene.create('RECTANGLE', pageId, { relaunchData: { learn: 'two' } }).id;
  const none = scene.create('RECTANGLE', pageId).id;
  const names = (...ids: string[]) => relaunchButtons(manifest, scene, ids).map(({ name }) => name);
  expect(names(both)).toEqual(['Tune', 'Learn']);
  expect(names(both, pair)).toEqual(['Learn']);
  expect(names(both, none)).toEqual([]);
  expect(names()).toEqual([]);
});

test('images nothing shows are freed, not those that undo brings back, nor one that just came', () => {
  const { file, scene, pageId } = new Desk();
  const add = (gray: number): string =>
    file.images.add(encode({ width: 1, height: 1, channels: 1, depth: 8, data: Uint8Array.of(gray) }));
  const box = scene.create('RECTANGLE', pageId).id;
  const show = (imageHash: string) => scene.patch(box, { fills: [{ type: 'IMAGE', scaleMode: 'FILL', imageHash }] });
  const [undone, preview, shown] = [add(1), add(2), add(3)];
  show(undone);
  file.history.commit();
  show(preview);
  show(shown);
  file.history.commit();
  const fresh = add(4);
  expect(file.sweepImages()).toEqual([]);
  show(fresh);
  expect(file.sweepImages()).toEqual([preview]);
  expect([undone, shown, fresh].map((hash) => file.images.get(hash) !== undefined)).toEqual([true, true, true]);
});
