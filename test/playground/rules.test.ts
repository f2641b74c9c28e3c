/** Figma's rules, as the plugin meets them. */
import type { PageNode, RectangleNode, SceneNode } from '@figma/plugin-typings/plugin-api-standalone';
import { encode } from 'fast-png';
import { ROOT } from '../../playground/figma/scene';
import { rotation, translation } from '../../playground/figma/transform';
import { Desk, settled } from './desk';
import { decodeRgba } from './raster';

const png = (width: number, height: number, colour = [255, 0, 0, 255]): Uint8Array =>
  encode({
    width,
    height,
    channels: 4,
    depth: 8,
    data: Uint8Array.from({ length: width * height * 4 }, (_, index) => colour[index % 4]!),
  });

async function nodeOf(desk: Desk, id: string): Promise<SceneNode> {
  return (await desk.run().figma.getNodeByIdAsync(id)) as SceneNode;
}

test('a removed node says so and allows nothing else', async () => {
  const desk = new Desk();
  const { id } = desk.scene.create('RECTANGLE', desk.pageId);
  const node = (await nodeOf(desk, id)) as RectangleNode;
  desk.scene.remove(id);
  expect(node.removed).toBe(true);
  expect(node.id).toBe(id);
  expect(() => node.name).toThrow(`in get_name: The node with id "${id}" does not exist`);
  expect(() => (node.fills = [])).toThrow('does not exist');
  await expect(node.exportAsync()).rejects.toThrow('does not exist');
  expect(await desk.run().figma.getNodeByIdAsync(id)).toBeNull();
});

test('what is synchronous in old plugins is refused', () => {
  const { figma } = new Desk().run();
  expect(() => figma.getNodeById('0:1')).toThrow('getNodeByIdAsync');
  expect(() => (figma.currentPage = figma.root.children[1]!)).toThrow('setCurrentPageAsync');
});

describe('pages', () => {
  test('content of a page that was not loaded is out of reach', async () => {
    const desk = new Desk();
    const { figma } = desk.run();
    const other = figma.root.children[1]!;
    const box = desk.scene.create('RECTANGLE', other.id);
    expect(() => other.children).toThrow('loadAsync');
    expect(() => other.findAllWithCriteria({ types: ['RECTANGLE'] })).toThrow('loadAsync');
    await other.loadAsync();
    expect(other.children.map(({ id }) => id)).toEqual([box.id]);
  });

  test('going to a page tells of it and of the selection', async () => {
    const desk = new Desk();
    const { figma } = desk.run();
    const heard: string[] = [];
    figma.on('currentpagechange', () => heard.push('page'));
    figma.on('selectionchange', () => heard.push('selection'));
    await figma.setCurrentPageAsync(figma.root.children[1]!);
    await settled();
    expect(heard).toEqual(['page', 'selection']);
    expect(desk.editor.pageId).toBe(figma.currentPage.id);
    expect(figma.currentPage.children).toEqual([]);
  });

  test('only what is on a page can be selected on it', async () => {
    const desk = new Desk();
    const { figma } = desk.run();
    const elsewhere = desk.scene.create('RECTANGLE', figma.root.children[1]!.id);
    const node = await nodeOf(desk, elsewhere.id);
    expect(() => (figma.currentPage.selection = [node])).toThrow('only include nodes in that page');
  });

  test('changes are told to the page they are on', async () => {
    const desk = new Desk();
    const { figma } = desk.run();
    const box = desk.scene.create('RECTANGLE', desk.pageId);
    await settled();
    const heard: unknown[] = [];
    figma.currentPage.on('nodechange', ({ nodeChanges }) => {
      for (const change of nodeChanges)
        heard.push([change.type, change.id, 'properties' in change && change.properties]);
    });
    desk.scene.patch(box.id, { name: 'x', visible: false });
    await settled();
    desk.scene.remove(box.id);
    await settled();
    expect(heard).toEqual([
      ['PROPERTY_CHANGE', box.id, ['name', 'visible']],
      ['DELETE', box.id, false],
    ]);
  });
});

describe('selection', () => {
  test('is told of once per change, after the code that made it', async () => {
    const desk = new Desk();
    const { figma } = desk.run();
    const [first, second] = [desk.scene.create('FRAME', desk.pageId), desk.scene.create('FRAME', desk.pageId)];
    let heard = 0;
    figma.on('selectionchange', () => heard++);
    desk.editor.select([first.id]);
    desk.editor.select([first.id]);
    expect(heard).toBe(0);
    await settled();
    expect(heard).toBe(1);
    desk.editor.select([first.id, second.id]);
    desk.scene.remove(first.id);
    await settled();
    expect(figma.currentPage.selection.map(({ id }) => id)).toEqual([second.id]);
    expect(heard).toBe(3);
  });
});

describe('parents', () => {
  test('an instance takes no children and gives none away', async () => {
    const desk = new Desk();
    const { figma } = desk.run();
    const instance = desk.scene.create('INSTANCE', desk.pageId);
    const inside = desk.scene.create('FRAME', instance.id, { id: `I${instance.id};9:9` });
    const box = figma.createRectangle();
    for (const id of [instance.id, inside.id]) {
      const node = (await nodeOf(desk, id)) as PageNode['children'][number];
      if (!('appendChild' in node)) throw new Error('has no children');
      expect(() => node.appendChild(box)).toThrow('instance');
    }
    const sublayer = await nodeOf(desk, inside.id);
    expect(() => figma.currentPage.appendChild(sublayer)).toThrow('inside of an instance');
    expect(() => sublayer.remove()).toThrow('not allowed');
  });

  test('nor does a component set take what is no component, nor anything itself', async () => {
    const desk = new Desk();
    const { figma } = desk.run();
    const set = await nodeOf(desk, desk.scene.create('COMPONENT_SET', desk.pageId).id);
    const outer = figma.createFrame();
    const inner = figma.createFrame();
    outer.appendChild(inner);
    expect(() => (set as typeof outer).appendChild(figma.createRectangle())).toThrow('components');
    expect(() => inner.appendChild(outer)).toThrow('inside of itself');
  });

  test('insertChild counts among the children as they are', () => {
    const { figma } = new Desk().run();
    const frame = figma.createFrame();
    const [a, b, c] = [figma.createRectangle(), figma.createRectangle(), figma.createRectangle()];
    for (const node of [a, b, c]) frame.appendChild(node);
    const order = () => frame.children.map(({ id }) => [a, b, c].findIndex((node) => node.id === id));
    frame.insertChild(2, a);
    expect(order()).toEqual([1, 0, 2]);
    frame.insertChild(0, c);
    expect(order()).toEqual([2, 1, 0]);
    expect(() => frame.insertChild(4, a)).toThrow('out of bounds');
  });

  test('ABSOLUTE is for children of auto-layout, and set after appending', () => {
    const desk = new Desk();
    const { figma } = desk.run();
    const frame = figma.createFrame();
    const box = figma.createRectangle();
    expect(() => (box.layoutPositioning = 'ABSOLUTE')).toThrow('layoutMode');
    frame.layoutMode = 'HORIZONTAL';
    frame.appendChild(box);
    box.x = 33;
    expect(box.x).toBe(0);
    box.layoutPositioning = 'ABSOLUTE';
    box.x = 33;
    expect(box.x).toBe(33);
    figma.currentPage.appendChild(box);
    expect(box.layoutPositioning).toBe('AUTO');
  });
});

describe('transforms', () => {
  test('rotation, relativeTransform and bounds agree', () => {
    const { figma } = new Desk().run();
    const box = figma.createRectangle();
    box.resize(30, 10);
    box.rotation = 90;
    expect(box.rotation).toBeCloseTo(90);
    expect(box.absoluteBoundingBox!.x).toBeCloseTo(0);
    expect(box.absoluteBoundingBox!.y).toBeCloseTo(-30);
    expect(box.absoluteBoundingBox!.width).toBeCloseTo(10);
    box.relativeTransform = rotation(-30);
    expect(box.rotation).toBeCloseTo(-30);
  });

  test('a transform does not scale, and a size is positive', () => {
    const { figma } = new Desk().run();
    const box = figma.createRectangle();
    expect(() => {
      box.relativeTransform = [
        [2, 0, 0],
        [0, 2, 0],
      ];
    }).toThrow('resize');
    expect(() => box.resize(0, 10)).toThrow('at least');
    expect(() => box.resize(NaN, 10)).toThrow('at least');
  });
});

describe('export', () => {
  test('draws a node in its bounds, at the size asked for', async () => {
    const desk = new Desk();
    const { figma } = desk.run();
    const { hash } = figma.createImage(png(2, 2));
    const frame = desk.scene.create('FRAME', desk.pageId, {
      width: 8,
      height: 4,
      transform: translation(50, 60),
      fills: [],
    });
    desk.scene.create('RECTANGLE', frame.id, {
      width: 4,
      height: 4,
      fills: [{ type: 'IMAGE', scaleMode: 'FILL', imageHash: hash }],
    });
    const file = await (
      await nodeOf(desk, frame.id)
    ).exportAsync({ format: 'PNG', constraint: { type: 'WIDTH', value: 16 } });
    const { width, height, data } = decodeRgba(file);
    expect([width, height]).toEqual([16, 8]);
    expect([...data.subarray(0, 4), ...data.subarray(15 * 4, 16 * 4)]).toEqual([255, 0, 0, 255, 0, 0, 0, 0]);
  });

  test('fails for what cannot be seen', async () => {
    const desk = new Desk();
    const frame = desk.scene.create('FRAME', desk.pageId);
    const box = desk.scene.create('RECTANGLE', frame.id);
    const node = await nodeOf(desk, box.id);
    desk.scene.patch(frame.id, { visible: false });
    await expect(node.exportAsync()).rejects.toThrow('visible layers');
  });
});

describe('images', () => {
  test('are PNG, JPEG or GIF of at most 4096 px', () => {
    const { figma } = new Desk().run();
    expect(() => figma.createImage(new Uint8Array([1, 2, 3]))).toThrow('in createImage: Image type is unsupported');
    expect(() => figma.createImage(png(4097, 1))).toThrow('too large');
    expect(figma.createImage(png(4096, 1)).hash).toMatch(/^[0-9a-f]{40}$/);
    const gif = Uint8Array.from([...'GIF89a'].map((letter) => letter.charCodeAt(0)).concat([7, 0, 9, 0]));
    const jpeg = Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 1, 0xff, 0xc0, 0, 11, 8, 0, 9, 0, 7, 3]);
    return Promise.all(
      [gif, jpeg].map(async (file) => {
        expect(await figma.createImage(file).getSizeAsync()).toEqual({ width: 7, height: 9 });
      }),
    );
  });

  test('come back as they were given', async () => {
    const { figma } = new Desk().run();
    const file = png(3, 3);
    const { hash } = figma.createImage(file);
    expect(await figma.getImageByHash(hash)!.getBytesAsync()).toEqual(file);
    expect(figma.getImageByHash('0'.repeat(40))).toBeNull();
  });
});

describe('data', () => {
  test('an entry on a node is at most 100 kB', () => {
    const { figma } = new Desk().run();
    const box = figma.createRectangle();
    const room = 100_000 - 'test-plugin'.length - 'key'.length;
    box.setPluginData('key', 'x'.repeat(room));
    expect(() => box.setPluginData('key', 'x'.repeat(room + 1))).toThrow('100 kB');
    expect(() => box.setPluginData('key', 'é'.repeat(room / 2 + 1))).toThrow('100 kB');
    expect(box.getPluginData('key')).toHaveLength(room);
    box.setPluginData('key', '');
    expect(box.getPluginDataKeys()).toEqual([]);
  });

  test('nodes are found by kind and by the keys of their data', () => {
    const { figma } = new Desk().run();
    const frame = figma.createFrame();
    const box = figma.createRectangle();
    frame.appendChild(box);
    box.setPluginData('mark', '1');
    const find = figma.currentPage.findAllWithCriteria({ types: ['RECTANGLE'], pluginData: { keys: ['mark'] } });
    expect(find.map(({ id }) => id)).toEqual([box.id]);
    expect(figma.currentPage.findAllWithCriteria({ types: ['FRAME'], pluginData: {} })).toEqual([]);
  });

  test('client storage holds 5 MB for all windows, and keeps the old value when the new one does not fit', async () => {
    const desk = new Desk();
    const { clientStorage } = desk.run().figma;
    await clientStorage.setAsync('a', new Uint8Array(3_000_000).fill(7));
    await expect(clientStorage.setAsync('b', new Uint8Array(2_000_000))).rejects.toThrow('quota');
    await expect(clientStorage.setAsync('a', new Uint8Array(5_000_001))).rejects.toThrow('quota');
    await clientStorage.setAsync('a', new Uint8Array(4_999_000).fill(8));
    const other = new Desk(desk.storage).run().figma.clientStorage;
    expect(((await other.getAsync('a')) as Uint8Array)[0]).toBe(8);
    expect(await other.keysAsync()).toEqual(['a']);
    await other.deleteAsync('a');
    expect(await clientStorage.getAsync('a')).toBeUndefined();
  });

  test('base64 goes both ways', () => {
    const { figma } = new Desk().run();
    for (let length = 0; length < 9; length++) {
      const bytes = Uint8Array.from({ length }, (_, index) => 250 - 31 * index);
      const text = figma.base64Encode(bytes);
      expect(text).toBe(Buffer.from(bytes).toString('base64'));
      expect(figma.base64Decode(text)).toEqual(bytes);
    }
    expect(() => figma.base64Decode('a*==')).toThrow('Invalid');
  });
});

test('undo: one step for each commit, whatever the plugin did in between', () => {
  const desk = new Desk();
  const { figma } = desk.run();
  figma.createRectangle();
  figma.createFrame();
  figma.commitUndo();
  figma.createRectangle().name = 'preview';
  const count = () => desk.scene.get(desk.pageId).children.length;
  expect(count()).toBe(3);
  figma.triggerUndo();
  expect(count()).toBe(2);
  figma.triggerUndo();
  expect(count()).toBe(0);
  expect(desk.scene.get(ROOT).children).toHaveLength(2);
});
