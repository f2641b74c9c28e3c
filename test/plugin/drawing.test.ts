/** Drawing layers, and saying beforehand which cannot be drawn. */
import type { ExportSettingsImage, FrameNode } from '@figma/plugin-typings/plugin-api-standalone';
import { Sandbox } from './support/sandbox';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.open();
});
afterEach(() => sandbox.close());

test.each([
  // Width and height on the canvas, the size asked for, and width and height of the picture.
  [100, 50, 'full', 512, 256],
  [50, 400, 'full', 100, 800],
  [1500, 750, 'full', 2048, 1024],
  [3000, 1500, 'full', 3000, 1500],
  [9000, 4500, 'full', 4096, 2048],
  [300, 900, 512, 171, 512],
  [900, 300, 96, 96, 32],
] as const)('%i x %i px at size %s is %i x %i', (width, height, size, ...drawn) => {
  const seen = sandbox.run(
    async (world, width, height, size) => {
      const id = world.add('FRAME', { name: 'card', width, height });
      await world.open();
      const { png, name } = await world.call('exportNode', { id, size });
      return {
        name,
        tag: world.tag(png) === `drawn ${id}`,
        drawn: world.drawn.map(({ width, height }) => [width, height]),
      };
    },
    width,
    height,
    size,
  );
  expect(seen).toEqual({ name: 'card', tag: true, drawn: [drawn] });
});

test('a layer is drawn within its bounds and in sRGB, alone', () => {
  const seen = sandbox.run(async (world) => {
    const id = world.add('FRAME');
    await world.open();
    const node = (await world.plugin.figma.getNodeByIdAsync(id)) as FrameNode;
    let kind = node as object;
    while (!Object.prototype.hasOwnProperty.call(kind, 'exportAsync')) kind = Object.getPrototypeOf(kind) as object;
    const { exportAsync } = kind as { exportAsync(settings: ExportSettingsImage): Promise<Uint8Array> };
    const asked: unknown[] = [];
    Object.assign(kind, {
      exportAsync(this: FrameNode, settings: ExportSettingsImage) {
        asked.push(settings);
        return exportAsync.call(this, settings);
      },
    });
    await world.call('exportNode', { id, size: 96 });
    return asked;
  });
  // Without useAbsoluteBounds, shadows and strokes would make the picture larger than the layer.
  expect(seen).toEqual([
    { format: 'PNG', useAbsoluteBounds: true, colorProfile: 'SRGB', constraint: { type: 'WIDTH', value: 96 } },
  ]);
});

test('every kind of layer can be drawn: groups, texts, components, instances, locked ones and parts of them', () => {
  const seen = sandbox.run(async (world) => {
    const group = world.add('GROUP', { name: 'group' });
    const instance = world.add('INSTANCE', { fills: [{ type: 'SOLID', color: { r: 1, g: 1, b: 1 } }] });
    const ids = [
      world.add('VECTOR', { strokes: [{ type: 'SOLID', color: { r: 0, g: 0, b: 0 } }] }, group),
      group,
      world.add('TEXT'),
      world.add('ELLIPSE', { locked: true }),
      world.add('SECTION'),
      world.add('ELLIPSE', {}, world.add('COMPONENT')),
      instance,
      world.add('RECTANGLE', {}, instance),
      world.add('RECTANGLE', {}, world.otherPage),
    ];
    await world.open();
    for (const id of ids) await world.call('exportNode', { id, size: 96 });
    return world.drawn.length - ids.length;
  });
  expect(seen).toBe(0);
});

/** The obstacle the selection tells of, and the error of drawing it anyway. */
function obstacle(make: string) {
  return sandbox.run(async (world, make) => {
    const id = (new Function('world', `return ${make}`) as (w: typeof world) => string)(world);
    world.editor.select([id]);
    const { selection } = await world.open();
    const error = await world.refusal('exportNode', { id, size: 96 });
    return { obstacle: selection.nodes[0]!.obstacle, error: `${error.name}: ${error.message}` };
  }, make);
}

test.each([
  ['hidden', `world.add('RECTANGLE', {visible: false})`, 'This layer is hidden. Show it first.'],
  [
    'in something hidden',
    `world.add('RECTANGLE', {}, world.add('GROUP', {}, world.add('FRAME', {name: 'Old', visible: false})))`,
    'This layer lies in “Old”, which is hidden. Show that first.',
  ],
  ['without area', `world.add('VECTOR', {height: 0})`, 'This layer has no area. Choose one with a width and a height.'],
  [
    'too thin',
    `world.add('RECTANGLE', {width: 650, height: 10})`,
    'This layer is too thin. Choose one less than 64 times as long as it is wide.',
  ],
  ['an empty frame', `world.add('FRAME', {fills: []})`, 'This layer is empty. Give it a fill or put something in it.'],
  [
    'a shape without visible paint',
    `world.add('ELLIPSE', {fills: [{type: 'SOLID', visible: false, color: {r: 0, g: 0, b: 0}}]})`,
    'This layer is empty. Give it a fill or put something in it.',
  ],
])('%s', (_, make, sentence) => {
  expect(obstacle(make)).toEqual({ obstacle: sentence, error: `InputError: ${sentence}` });
});

test('a layer that is gone, or deleted while it is drawn, is told as gone; what Figma cannot draw as input', () => {
  const seen = sandbox.run(async (world) => {
    const [first, second] = [world.add('RECTANGLE'), world.add('RECTANGLE')];
    await world.open();
    const errors = [await world.refusal('exportNode', { id: '9:99', size: 96 })];
    world.whileDrawing = () => {
      world.file.scene.remove(first);
      throw new Error('no such layer');
    };
    errors.push(await world.refusal('exportNode', { id: first, size: 96 }));
    world.whileDrawing = () => {
      throw new Error('out of memory');
    };
    errors.push(await world.refusal('exportNode', { id: second, size: 96 }));
    return errors.map(({ name, message }) => `${name}: ${message}`);
  });
  expect(seen).toEqual([
    'NodeGoneError: This layer is no longer in the document.',
    'NodeGoneError: This layer is no longer in the document.',
    'InputError: Figma could not draw this layer: out of memory',
  ]);
});
