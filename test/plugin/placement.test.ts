/** Where results go: above the source in every kind of parent, exactly over its bounds, and upright. */
import { Sandbox } from './support/sandbox';
import type { World } from './support/world';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.open();
});
afterEach(() => sandbox.close());

/** Restyles the layer called "source"; tells where the result is and whether it covers the source. */
async function placed(world: World) {
  const { scene } = world.file;
  const { id: source } = [...scene.descendants(world.page)].find(({ name }) => name === 'source')!;
  const before = scene.bounds(source);
  await world.open();
  const id = await world.restyle(source);
  const box = scene.bounds(id);
  const [[a, c], [b, d]] = scene.absoluteTransform(id);
  const parent = world.node(world.node(id).parent!);
  const round = (value: number) => Math.round(value * 1e6) / 1e6;
  const exactly = (['x', 'y', 'width', 'height'] as const).every((side) => Math.abs(box[side] - before[side]) < 1e-6);
  return {
    covers: exactly && JSON.stringify(scene.bounds(source)) === JSON.stringify(before),
    upright: [a, c, b, d].map(round).join() === '1,0,0,1',
    parent: parent.name,
    order: world.names(parent.id),
    positioning: world.node(id).layoutPositioning,
  };
}

test('on a page, between what lies under and over the source', () => {
  sandbox.run((world) => {
    world.add('RECTANGLE', { name: 'under' });
    world.add('RECTANGLE', { name: 'source', at: [30.5, -40], width: 80, height: 60 });
    world.add('RECTANGLE', { name: 'over' });
  });
  expect(sandbox.run(placed)).toEqual({
    covers: true,
    upright: true,
    parent: 'Page 1',
    order: ['under', 'source', 'source – Ink', 'over'],
    positioning: 'AUTO',
  });
});

test.each(['FRAME', 'COMPONENT', 'SECTION', 'GROUP'] as const)('in a %s', (kind) => {
  sandbox.run((world, kind) => {
    const home = world.add(kind, { name: 'home', at: [100, 200], width: 300, height: 300 });
    world.add('RECTANGLE', { name: 'source', at: [10, 20] }, home);
    world.add('RECTANGLE', { name: 'over', at: [50, 50] }, home);
  }, kind);
  const order = ['source', 'source – Ink', 'over'];
  expect(sandbox.run(placed)).toMatchObject({ covers: true, upright: true, parent: 'home', order });
});

test('in a group of a turned frame, whose coordinates are the frame’s', () => {
  sandbox.run((world) => {
    const [cos, sin] = [Math.cos(0.4), Math.sin(0.4)];
    const frame = world.add('FRAME', {
      transform: [
        [cos, sin, 70],
        [-sin, cos, 90],
      ],
      width: 400,
      height: 400,
    });
    const group = world.add('GROUP', { name: 'group' }, frame);
    world.add('RECTANGLE', { name: 'source', at: [-40, -30], width: 90, height: 20 }, group);
  });
  expect(sandbox.run(placed)).toMatchObject({ covers: true, upright: true, parent: 'group' });
});

test('over a turned and mirrored source, upright over its bounds', () => {
  sandbox.run((world) => {
    const [cos, sin] = [Math.cos(1), Math.sin(1)];
    world.add('RECTANGLE', {
      name: 'source',
      transform: [
        [-cos, sin, 10],
        [sin, cos, 20],
      ],
      width: 120,
      height: 40,
    });
  });
  expect(sandbox.run(placed)).toMatchObject({ covers: true, upright: true, parent: 'Page 1' });
});

test('in auto layout, out of the flow', () => {
  const flow = sandbox.run((world) => {
    const { layout } = world.node(world.add('FRAME', { name: 'unused' }));
    const home = world.add('FRAME', {
      name: 'row',
      at: [5, 5],
      layout: { ...layout, mode: 'HORIZONTAL', itemSpacing: 8 },
    });
    world.add('RECTANGLE', { name: 'first' }, home);
    world.add('RECTANGLE', { name: 'source', width: 40 }, home);
    const last = world.add('RECTANGLE', { name: 'last' }, home);
    return { last, x: world.file.scene.bounds(last).x };
  });
  const result = sandbox.run(placed);
  expect(result).toMatchObject({ covers: true, upright: true, parent: 'row', positioning: 'ABSOLUTE' });
  expect(result.order).toEqual(['first', 'source', 'source – Ink', 'last']);
  expect(sandbox.run((world, last) => world.file.scene.bounds(last).x, flow.last)).toBe(flow.x);
});

test('in a group in auto layout, nothing moves', () => {
  sandbox.run((world) => {
    const { layout } = world.node(world.add('FRAME', { name: 'unused' }));
    const row = world.add('FRAME', {
      name: 'row',
      at: [500, 500],
      layout: { ...layout, mode: 'HORIZONTAL', itemSpacing: 8 },
    });
    world.add('RECTANGLE', { name: 'first' }, row);
    const group = world.add('GROUP', { name: 'group' }, row);
    world.add('ELLIPSE', { name: 'source', at: [30, 40], width: 50, height: 50 }, group);
    world.add('RECTANGLE', { name: 'last' }, row);
  });
  const boxes = () =>
    sandbox.run(({ file: { scene }, page }) =>
      [...scene.descendants(page)]
        .filter(({ name }) => name !== 'source – Ink')
        .map(({ id, name }) => [name, scene.bounds(id)] as const),
    );
  const before = boxes();
  expect(sandbox.run(placed)).toMatchObject({ covers: true, upright: true, parent: 'group' });
  expect(boxes()).toEqual(before);
});

test('for a layer within an instance: beside the outermost instance', () => {
  sandbox.run((world) => {
    const frame = world.add('FRAME', { name: 'screen', at: [10, 10] });
    const instance = world.add('INSTANCE', { name: 'button', at: [7, 7] }, frame);
    const inner = world.add('INSTANCE', { name: 'icon', at: [2, 2] }, instance);
    const part = world.add('FRAME', { name: 'part', at: [1, 1] }, inner);
    world.add('RECTANGLE', { name: 'source', at: [1, 1], width: 20, height: 20 }, part);
  });
  const order = ['button', 'source – Ink'];
  expect(sandbox.run(placed)).toMatchObject({ covers: true, upright: true, parent: 'screen', order });
});

test('for an instance itself: in its parent', () => {
  sandbox.run((world) => {
    const frame = world.add('FRAME', { name: 'screen', at: [10, 10] });
    world.add('INSTANCE', { name: 'source', at: [7, 7] }, frame);
  });
  expect(sandbox.run(placed)).toMatchObject({ covers: true, parent: 'screen', order: ['source', 'source – Ink'] });
});

test('for a part of a boolean operation: beside the operation, whose shape stays', () => {
  sandbox.run((world) => {
    const frame = world.add('FRAME', { name: 'screen', at: [10, 10] });
    const union = world.add('BOOLEAN_OPERATION', { name: 'union' }, frame);
    const group = world.add('GROUP', { name: 'parts' }, union);
    world.add('ELLIPSE', { name: 'source', at: [5, 5] }, group);
    world.add('ELLIPSE', { name: 'other', at: [60, 5] }, union);
  });
  const order = ['union', 'source – Ink'];
  expect(sandbox.run(placed)).toMatchObject({ covers: true, upright: true, parent: 'screen', order });
});

test('for a variant: above its component set', () => {
  sandbox.run((world) => {
    const set = world.add('COMPONENT_SET', { name: 'set', at: [10, 10], width: 300 });
    world.add('COMPONENT', { name: 'source', at: [5, 5] }, set);
    world.add('COMPONENT', { name: 'other', at: [120, 5] }, set);
  });
  expect(sandbox.run(placed)).toMatchObject({ covers: true, parent: 'Page 1', order: ['set', 'source – Ink'] });
});

test('for a layer within a variant: in the variant', () => {
  sandbox.run((world) => {
    const set = world.add('COMPONENT_SET', { name: 'set', at: [10, 10], width: 300 });
    const variant = world.add('COMPONENT', { name: 'variant', at: [5, 5] }, set);
    world.add('RECTANGLE', { name: 'source', at: [5, 5] }, variant);
  });
  expect(sandbox.run(placed)).toMatchObject({ covers: true, parent: 'variant', order: ['source', 'source – Ink'] });
});

test('a locked layer is no place for a result, but a locked source has one', () => {
  sandbox.run((world) => {
    const outer = world.add('FRAME', { name: 'outer', at: [3, 3] });
    const locked = world.add('FRAME', { name: 'locked', at: [4, 4], locked: true }, outer);
    const inner = world.add('FRAME', { name: 'inner', at: [5, 5] }, locked);
    world.add('RECTANGLE', { name: 'source', locked: true, at: [6, 6] }, inner);
  });
  const order = ['locked', 'source – Ink'];
  expect(sandbox.run(placed)).toMatchObject({ covers: true, upright: true, parent: 'outer', order });
});

test('above a mask, with what the mask clips', () => {
  sandbox.run((world) => {
    const group = world.add('GROUP', { name: 'masked' });
    world.add('ELLIPSE', { name: 'mask', isMask: true }, group);
    world.add('RECTANGLE', { name: 'source', at: [10, 10] }, group);
  });
  expect(sandbox.run(placed)).toMatchObject({
    covers: true,
    parent: 'masked',
    order: ['mask', 'source', 'source – Ink'],
  });
});

test('on the source’s page, when the user went to another one', () => {
  sandbox.run(async (world) => {
    world.add('RECTANGLE', { name: 'source', at: [10, 10] });
    await world.open();
    world.editor.showPage(world.otherPage);
    await world.settle();
  });
  const seen = sandbox.run(async (world) => {
    const [source] = world.node(world.page).children;
    await world.restyle(source!);
    return {
      here: world.names(world.page),
      there: world.names(world.otherPage),
      page: world.editor.pageId === world.otherPage,
    };
  });
  expect(seen).toEqual({ here: ['source', 'source – Ink'], there: [], page: true });
});

describe('imagined pictures', () => {
  /** Imagines 50 x 40 px; tells where the frame is. */
  async function imagined(world: World) {
    const parameters = world.parameters({ kind: 'imagined', prompt: 'a pear' });
    const picture = world.png(100, 80, 'pear');
    const { id } = await world.call('insertImagined', { picture, width: 50, height: 40, parameters });
    const { kind, name, parent, pluginData } = world.node(id);
    return {
      box: world.file.scene.bounds(id),
      kind,
      name,
      pictures: world.pictures(id),
      parent,
      original: pluginData.original,
    };
  }

  test('go beside what is selected, clear of the frame it lies in and of everything else', () => {
    sandbox.run(async (world) => {
      const frame = world.add('FRAME', { at: [0, 100], width: 500, height: 200 });
      const selected = world.add('RECTANGLE', { at: [10, 10] }, frame);
      world.add('RECTANGLE', { at: [560, 120], width: 70 });
      world.editor.select([selected]);
      await world.open();
    });
    const seen = sandbox.run(imagined);
    expect(seen.box).toEqual({ x: 670, y: 100, width: 50, height: 40 });
    expect(seen).toMatchObject({ kind: 'FRAME', name: 'a pear – Ink', pictures: ['pear'] });
    expect(seen.original).toBeUndefined();
  });

  test('go to the middle of the view when nothing is selected', () => {
    sandbox.run(async (world) => {
      world.editor.view = { ...world.editor.view, center: { x: 1000, y: -300 } };
      await world.open();
    });
    expect(sandbox.run(imagined).box).toEqual({ x: 975, y: -320, width: 50, height: 40 });
  });
});
