/** Library, quick actions, relaunch buttons, imagining, the model's view and the themes. */
import { readFileSync } from 'node:fs';
import { openEditor, PATIENCE, type EditorUnderTest } from './editor';
import { styleFile } from './styles';
import {
  button,
  goTo,
  importStyle,
  openResult,
  waitForHeading,
  waitForQueue,
  waitForStorage,
  waitForStrengths,
} from './user';

jest.setTimeout(300_000);

let editor: EditorUnderTest;
let inkFile: string;

beforeAll(async () => {
  editor = await openEditor('tiny', 'nothing');
  inkFile = styleFile('Ink', 'tiny');
  await importStyle(editor, inkFile, 'Ink');
});
afterEach(() => expect(editor.takeErrors()).toEqual([]));
afterAll(() => editor?.close());

const stylesKept = async (): Promise<string[]> =>
  (await editor.storedKeys()).filter((key) => key.startsWith('style:')).sort();

const inDocument = async (): Promise<string[]> =>
  Object.keys((await editor.page.evaluate(() => playground!.tree())).pluginData).filter((key) =>
    key.startsWith('style'),
  );

/** Opens a style's menu and takes an entry. */
async function choose(style: string, entry: string): Promise<void> {
  await button(editor, `Actions for ${style}`).click();
  await editor.panel.getByRole('menuitem', { name: entry }).click();
}

test('an imported style can be renamed, and exported as the very file it came from', async () => {
  const { panel } = editor;
  expect(await stylesKept()).toHaveLength(1);
  await choose('Ink', 'Rename');
  await panel.getByLabel('Name of the style').fill('Brush');
  await panel.getByLabel('Name of the style').press('Enter');
  await button(editor, 'Actions for Brush').waitFor();
  // The name is kept with the style, not in this panel alone.
  await editor.page.evaluate(() => playground!.closePlugin());
  await editor.start('open');
  await goTo(editor, 'Styles');
  const download = await editor.download(() => choose('Brush', 'Export…'));
  expect(download.suggestedFilename()).toBe('Brush.safetensors');
  expect(readFileSync(await download.path()).equals(readFileSync(inkFile))).toBe(true);
});

test('a style is deleted at once and brought back by undo', async () => {
  const before = await stylesKept();
  await choose('Brush', 'Delete from my library');
  await waitForHeading(editor, 'No styles yet');
  expect(await stylesKept()).toEqual([]);
  await button(editor, 'Undo').click();
  await button(editor, 'Actions for Brush').waitFor();
  expect(await stylesKept()).toEqual(before);
});

test('a style shared with the file stays there without the library, and can be taken from it again', async () => {
  expect(await inDocument()).toEqual([]);
  await choose('Brush', 'Share with this file');
  await editor.panel.getByText('In file', { exact: true }).waitFor();
  expect(await inDocument()).not.toEqual([]);
  // As for a teammate, who has never seen the style.
  await choose('Brush', 'Delete from my library');
  await waitForStorage(editor, (keys) => !keys.some((key) => key.startsWith('style:')));
  await button(editor, 'Actions for Brush').waitFor();
  await choose('Brush', 'Add to my library');
  await waitForStorage(editor, (keys) => keys.some((key) => key.startsWith('style:')));
  await choose('Brush', 'Stop sharing with this file');
  await editor.panel.getByText('In file', { exact: true }).waitFor({ state: 'detached' });
  expect(await inDocument()).toEqual([]);
});

test('the quick action restyles at the strength given, and the results are found where they are used', async () => {
  const { page } = editor;
  await editor.select('umbrella');
  await page.getByRole('button', { name: /^Quick actions/ }).click();
  const field = page.getByRole('combobox');
  for (const text of ['Restyle', 'Brush', '50']) {
    await field.fill(text);
    await page
      .getByRole('option', { name: new RegExp(text) })
      .first()
      .click();
  }
  await waitForQueue(editor, '1 of 1 restyled');
  const result = await editor.result('umbrella – Brush');
  expect(result.parameters.styles).toMatchObject([{ name: 'Brush', strength: 0.5 }]);
  expect(result.styled).not.toBe(result.original);

  await goTo(editor, 'Styles');
  await choose('Brush', 'Where it is used');
  await editor.panel.getByText('1 layer in this file').waitFor();
  await editor.page.evaluate(() => playground!.showPage('Every kind of layer'));
  await button(editor, 'umbrella – Brush').click();
  await page.waitForFunction((id) => playground!.selection().join() === id, result.id);
});

test('the buttons on a result and on a pair lead back to where they were made', async () => {
  const { page, panel } = editor;
  await editor.select('umbrella – Brush');
  await page.evaluate(() => playground!.closePlugin());
  await page.getByRole('button', { name: 'Tune', exact: true }).click();
  await waitForHeading(editor, 'umbrella – Brush');
  await expect(panel.getByRole('slider').inputValue()).resolves.toBe('50');

  const before = await editor.result('umbrella – Brush');
  const names = await editor.names('Icons');
  const undoable = await editor.undoable();
  await page.getByRole('button', { name: 'Restyle again', exact: true }).click();
  await page.waitForFunction((steps) => playground!.undoable() >= steps, undoable + 1, { timeout: PATIENCE });
  // The source looks as it did, so that the result does too; and it is the same layer.
  expect(await editor.result('umbrella – Brush')).toMatchObject({ id: before.id, styled: before.styled });
  expect(await editor.names('Icons')).toEqual(names);
});

test('words and a style become a new frame, which can be tuned', async () => {
  const { page, panel } = editor;
  const undoable = await editor.undoable();
  await editor.select('umbrella');
  await goTo(editor, 'Imagine');
  await panel.getByLabel('What to draw').fill('a red apple');
  await button(editor, 'Imagine').click();
  await panel.getByText('Added to the canvas').waitFor({ timeout: PATIENCE });
  const frame = await editor.layer('a red apple – Brush');
  expect(frame).toMatchObject({ type: 'FRAME', relaunchData: { tune: expect.any(String) as string } });
  expect(JSON.parse(frame.pluginData['result']!)).toMatchObject({ kind: 'imagined', prompt: 'a red apple' });
  expect(await editor.undoable()).toBe(undoable + 1);
  const { data } = await editor.pixels(frame.id);
  // A random net's picture has few colours, one that nobody painted has one besides its alpha.
  expect(new Set(data).size).toBeGreaterThan(4);
  // It covers nothing that was there.
  const others = (await page.evaluate(() => playground!.tree())).children.find(({ name }) => name === 'Icons')!;
  const { x, y, width, height } = frame.bounds;
  for (const { id, bounds } of others.children) {
    if (id === frame.id) continue;
    const apart =
      bounds.x >= x + width || bounds.x + bounds.width <= x || bounds.y >= y + height || bounds.y + bounds.height <= y;
    expect(apart).toBe(true);
  }

  await goTo(editor, 'Restyle');
  await openResult(editor, frame.name);
  const field = panel.getByLabel('Strength of Brush, percent');
  await field.fill('0');
  await field.press('Enter');
  await waitForStrengths(editor, frame.name, 0);
  expect((await editor.pixels(frame.id)).data).not.toEqual(data);
});

test('the model’s view says what runs where, and the network was never asked', async () => {
  const { panel } = editor;
  await goTo(editor, 'Model');
  await panel.getByText(/^Processor \(WebAssembly/).waitFor();
  await panel.getByText('32 px').waitFor();
  await panel.getByText('This panel uses no network at all.').waitFor();
});

test('the panel follows the editor’s theme', async () => {
  const { page, panel } = editor;
  const background = (): Promise<string> =>
    panel.locator('body').evaluate((body) => getComputedStyle(body).backgroundColor);
  await page.evaluate(() => playground!.setTheme('light'));
  const light = await background();
  await page.evaluate(() => playground!.setTheme('dark'));
  await panel.locator('html.figma-dark').waitFor({ state: 'attached' });
  const dark = await background();
  expect([light, dark]).toEqual(['rgb(255, 255, 255)', 'rgb(44, 44, 44)']);
});
