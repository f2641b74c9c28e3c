/** The page of `npm start`: the editor around the plugin, by pointer and by keyboard, and what it draws. */
import { readFileSync } from 'node:fs';
import type { Pixels } from '../../playground/model/handle';
import { openEditor, type EditorUnderTest } from './flows/editor';

let editor: EditorUnderTest;
beforeAll(async () => {
  editor = await openEditor('tiny');
});
afterAll(() => editor?.close());
/** As the page opens; loading it anew would take much longer. */
beforeEach(() =>
  editor.page.evaluate(() => {
    playground!.showPage('Icons');
    while (playground!.undoable() > 0) playground!.undo();
    playground!.select('teddy bear before', 'teddy bear after');
  }),
);
afterEach(() => expect(editor.takeErrors()).toEqual([]));

const selected = (): Promise<string[]> =>
  editor.page.evaluate(() => playground!.selection().map((id) => playground!.tree(id).name));
const pointOf = async (name: string): Promise<{ x: number; y: number }> => {
  const { id } = await editor.layer(name);
  return editor.page.evaluate((node) => playground!.pointOf(node), id);
};
const clickOn = async (name: string, modifiers: ('Shift' | 'Control')[] = []): Promise<void> => {
  const { x, y } = await pointOf(name);
  for (const key of modifiers) await editor.page.keyboard.down(key);
  await editor.page.mouse.click(x, y);
  for (const key of modifiers) await editor.page.keyboard.up(key);
};
const drag = async (from: { x: number; y: number }, by: { x: number; y: number }): Promise<void> => {
  await editor.page.mouse.move(from.x, from.y);
  await editor.page.mouse.down();
  await editor.page.mouse.move(from.x + by.x, from.y + by.y, { steps: 4 });
  await editor.page.mouse.up();
};
/** RGBA at a place given as parts of width and height. */
const at = ({ width, height, data }: Pixels, u: number, v: number): number[] => {
  const start = 4 * (Math.floor(v * height) * width + Math.floor(u * width));
  return [...data.subarray(start, start + 4)];
};

test('opens with a pair selected, the plugin running and a way to begin', async () => {
  expect(await selected()).toEqual(['teddy bear before', 'teddy bear after']);
  await editor.page.getByRole('region', { name: 'How to begin' }).waitFor();
  await editor.panel.getByText('teddy bear before', { exact: true }).waitFor();
  expect(await editor.undoable()).toBe(0);
});

test('pointer: click, Shift, a drawn rectangle, Escape; dragging moves, in one step of undo', async () => {
  await clickOn('cactus');
  expect(await selected()).toEqual(['cactus']);
  await clickOn('koala', ['Shift']);
  expect(await selected()).toEqual(['cactus', 'koala']);
  await editor.page.keyboard.press('Escape');
  expect(await selected()).toEqual([]);

  const [corner, end] = [await pointOf('cactus'), await pointOf('sake')];
  const start = { x: corner.x - 100, y: corner.y - 90 };
  await drag(start, { x: end.x - start.x, y: end.y - start.y });
  expect(await selected()).toEqual(['cactus', 'green apple', 'robot', 'sake']);

  await editor.page.keyboard.press('Escape');
  const before = (await editor.layer('koala')).bounds;
  await drag(await pointOf('koala'), { x: 30, y: 20 });
  const after = (await editor.layer('koala')).bounds;
  expect(after.x).toBeGreaterThan(before.x + 20);
  expect(Number.isInteger(after.x)).toBe(true);
  expect(await editor.undoable()).toBe(1);
  await editor.page.keyboard.press('Control+z');
  expect((await editor.layer('koala')).bounds).toEqual(before);
  await editor.page.keyboard.press('Control+Shift+z');
  expect((await editor.layer('koala')).bounds).toEqual(after);
});

test('layers by keyboard: arrows, hide, lock, duplicate, delete', async () => {
  await editor.select('teddy bear before');
  const tree = editor.page.getByRole('tree', { name: 'Layers' });
  await tree.getByRole('treeitem', { name: 'teddy bear before' }).focus();
  await editor.page.keyboard.press('ArrowUp');
  expect(await selected()).toEqual(['teddy bear after']);
  await editor.page.keyboard.press('h');
  expect((await editor.layer('teddy bear after')).visible).toBe(false);
  await editor.page.keyboard.press('h');
  await tree.getByRole('button', { name: 'Lock teddy bear after' }).click();
  expect((await editor.layer('teddy bear after')).locked).toBe(true);
  await clickOn('teddy bear after');
  expect(await selected()).toEqual(['A pair']);

  await editor.select('koala');
  await editor.page.keyboard.press('Control+d');
  expect((await editor.names('Icons')).filter((name) => name === 'koala')).toHaveLength(2);
  await editor.page.keyboard.press('Delete');
  expect((await editor.names('Icons')).filter((name) => name === 'koala')).toHaveLength(1);
});

test('draws masks, clipping, boolean operations, transparency and rotation', async () => {
  await editor.page.getByRole('button', { name: 'Every kind of layer' }).click();
  const pixels = async (name: string): Promise<Pixels> => editor.pixels((await editor.layer(name)).id);
  const masked = await pixels('Masked');
  const { bounds } = await editor.layer('Masked');
  // The mask is a circle of 160 px at (0, 380) of the page.
  const onPage = (x: number, y: number): number[] =>
    at(masked, (x - bounds.x) / bounds.width, (y - bounds.y) / bounds.height);
  expect(onPage(80, 460)[3]).toBe(255);
  expect(onPage(4, 384)[3]).toBe(0);
  expect(onPage(200, 460)[3]).toBe(0);

  const ring = await pixels('Ring');
  expect(at(ring, 0.5, 0.5)[3]).toBe(0);
  expect(at(ring, 0.5, 0.1)[3]).toBe(255);
  // From orange to violet.
  expect(at(ring, 0.05, 0.5)[0]).toBeGreaterThan(at(ring, 0.95, 0.5)[0]!);

  const clipped = await pixels('Clipped');
  expect([clipped.width, clipped.height]).toEqual([140, 140]);
  expect(at(clipped, 0.1, 0.1)).toEqual([255, 255, 255, 255]);

  const rotated = await pixels('Rotated');
  expect(at(rotated, 0.01, 0.01)[3]).toBe(0);
  expect(at(rotated, 0.5, 0.5)[3]).toBe(255);
  await expect(pixels('Hidden robot')).rejects.toThrow('cannot be seen');
});

test('an icon shown at the size of its file is drawn to the pixel', async () => {
  const file = readFileSync('cli/demo-data/koala.png');
  const { id, drawn, truth } = await editor.page.evaluate(async (bytes) => {
    const node = await playground!.add('koala copy.png', 'image/png', bytes);
    const bitmap = await createImageBitmap(new Blob([bytes]));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')!;
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    return { id: node, drawn: await playground!.pixels(node), truth: new Uint8Array(data) };
  }, new Uint8Array(file));
  expect(Buffer.compare(drawn.data, truth)).toBe(0);
  const [fill] = (await editor.page.evaluate((node) => playground!.tree(node), id)).fills;
  if (fill?.type !== 'IMAGE') throw new Error('is no image');
  expect(Buffer.compare(await editor.image(fill.imageHash!), file)).toBe(0);
});

test('takes PNG, JPEG, WebP, GIF and SVG; makes them fit Figma; says what it cannot read', async () => {
  const sizes = await editor.page.evaluate(async () => {
    const draw = async (type: string, width: number, height: number): Promise<Uint8Array<ArrayBuffer>> => {
      const canvas = new OffscreenCanvas(width, height);
      canvas.getContext('2d')!.fillRect(0, 0, width, height);
      return new Uint8Array(await (await canvas.convertToBlob({ type })).arrayBuffer());
    };
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="40" height="30"/></svg>';
    const gif = 'R0lGODlhAgACAIABAP8AAP///yH5BAAAAAAALAAAAAACAAIAAAIChFEAOw==';
    const files: [string, Uint8Array<ArrayBuffer>][] = [
      ['image/png', await draw('image/png', 20, 10)],
      ['image/jpeg', await draw('image/jpeg', 21, 10)],
      ['image/webp', await draw('image/webp', 22, 10)],
      ['image/gif', Uint8Array.from(atob(gif), (letter) => letter.charCodeAt(0))],
      ['image/svg+xml', new TextEncoder().encode(svg)],
      ['image/png', await draw('image/png', 5000, 10)],
    ];
    const found: unknown[] = [];
    for (const [type, bytes] of files) {
      const { bounds, fills } = playground!.tree(await playground!.add(`picture.${type}`, type, bytes));
      found.push([bounds.width, bounds.height, fills[0]!.type]);
    }
    return found;
  });
  expect(sizes).toEqual([
    [20, 10, 'IMAGE'],
    [21, 10, 'IMAGE'],
    [22, 10, 'IMAGE'],
    [2, 2, 'IMAGE'],
    [40, 30, 'IMAGE'],
    [4096, 8, 'IMAGE'],
  ]);
  const broken = editor.page.evaluate(() => playground!.add('broken.png', 'image/png', new Uint8Array([1, 2, 3])));
  await expect(broken).rejects.toThrow('“broken.png” is no picture');
});

test('quick actions: commands, suggestions of the plugin, and Escape, which leaves the panel alone', async () => {
  const palette = editor.page.getByRole('dialog', { name: 'Quick actions' });
  await editor.page.keyboard.press('Control+/');
  await editor.page.keyboard.type('with');
  await palette.getByRole('option', { name: 'Restyle with…' }).waitFor();
  expect(await palette.getByRole('option').count()).toBe(1);
  await editor.page.keyboard.press('Enter');
  await palette.getByText('There is no style yet').waitFor();
  await editor.page.keyboard.press('Escape');
  await palette.waitFor({ state: 'detached' });
  await editor.panel.getByText('teddy bear before', { exact: true }).waitFor();

  await editor.page.keyboard.press('Control+/');
  await editor.page.keyboard.type('imagine');
  await editor.page.keyboard.press('Enter');
  await editor.panel.getByRole('tab', { name: 'Imagine', selected: true }).waitFor();
});

test('saves what is selected as PNG, twice as large where it is small', async () => {
  await editor.select('koala');
  const download = await editor.download(() => editor.page.getByRole('button', { name: 'Save PNG' }).click());
  expect(download.suggestedFilename()).toBe('koala.png');
  const file = readFileSync(await download.path());
  expect([file.readUInt32BE(16), file.readUInt32BE(20)]).toEqual([224, 224]);
});

test('the theme reaches the panel', async () => {
  const name = (): Promise<string> =>
    editor.panel.locator('html').evaluate((element) => element.className + getComputedStyle(element).colorScheme);
  await editor.page.evaluate(() => playground!.setTheme('light'));
  expect(await name()).toBe('figma-lightlight');
  await editor.page.getByRole('button', { name: 'Dark theme' }).click();
  await expect(editor.panel.locator('html.figma-dark').waitFor()).resolves.toBeUndefined();
  expect(await name()).toBe('figma-darkdark');
});
