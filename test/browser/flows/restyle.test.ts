/** Restyle, tune and blend: what comes onto the canvas, and what stays as it was. */
import { openEditor, PATIENCE, type EditorUnderTest } from './editor';
import { slowWorkers } from './slow';
import { styleFile } from './styles';
import {
  button,
  chooseStyles,
  dragSlider,
  goTo,
  importStyle,
  openResult,
  queue,
  restyle,
  typeStrength,
  waitForQueue,
  waitForStrengths,
} from './user';

jest.setTimeout(300_000);

const PAGE = 'Every kind of layer';

let editor: EditorUnderTest;

beforeAll(async () => {
  editor = await openEditor('tiny', 'nothing');
  await importStyle(editor, styleFile('Ink', 'tiny'), 'Ink');
  await importStyle(editor, styleFile('Gold', 'tiny', 7), 'Gold');
  await editor.page.evaluate((name) => playground!.showPage(name), PAGE);
});
afterEach(async () => {
  await slowWorkers(editor, 0);
  expect(editor.takeErrors()).toEqual([]);
});
afterAll(() => editor.close());

test('each result lies above its source with the same bounds, and the source stays as it was', async () => {
  await editor.select('koala');
  await goTo(editor, 'Restyle');
  await chooseStyles(editor, 'Ink');
  const sources = ['koala', 'Rotated', 'Title', 'Ring'];
  const before = await Promise.all(sources.map((name) => editor.layer(name)));
  const pixels = await Promise.all(before.map(({ id }) => editor.pixels(id)));
  const undoable = await editor.undoable();

  await restyle(editor, ...sources);

  // One step of undo for each.
  expect(await editor.undoable()).toBe(undoable + sources.length);
  const names = await editor.names(PAGE);
  for (const [i, name] of sources.entries()) {
    const source = before[i]!;
    const result = await editor.result(`${name} – Ink`);
    expect(result).toMatchObject({ type: 'RECTANGLE', visible: true, bounds: source.bounds });
    expect(result.parameters).toMatchObject({ kind: 'restyled', sourceId: source.id });
    expect(result.parameters.styles).toMatchObject([{ name: 'Ink', strength: 1 }]);
    expect(result.styled).not.toBe(result.original);
    // The next one at the source's own level, whatever is inside the source.
    const inside = await editor.page.evaluate((id) => playground!.tree(id).children.length, source.id);
    expect(names.indexOf(result.name)).toBe(names.indexOf(name) + inside + 1);
    expect(await editor.layer(name)).toEqual(source);
    expect(await editor.pixels(source.id)).toEqual(pixels[i]);
    // What it looks like differs from its source.
    expect((await editor.pixels(result.id)).data).not.toEqual(pixels[i]!.data);
  }
  expect(await editor.layer('koala – Ink')).toMatchObject({ layoutPositioning: 'ABSOLUTE' });

  // Undone one by one, the page is what it was.
  for (const name of [...sources].reverse()) {
    expect(await editor.names(PAGE)).toContain(`${name} – Ink`);
    await editor.page.evaluate(() => playground!.undo());
    expect(await editor.names(PAGE)).not.toContain(`${name} – Ink`);
  }
  expect(await Promise.all(sources.map((name) => editor.layer(name)))).toEqual(before);
});

test('a layer inside an instance gets its result beside the instance; what cannot be drawn says why', async () => {
  const [instance] = (await editor.page.evaluate(() => playground!.tree())).children
    .find(({ name }) => name === PAGE)!
    .children.filter(({ type }) => type === 'INSTANCE');
  const inside = instance!.children[0]!;
  await editor.select(inside.id, 'Hidden robot', 'Locked cactus');
  await goTo(editor, 'Restyle');
  await editor.panel.getByText('“Hidden robot” will be left out').waitFor();
  await button(editor, 'Restyle 2 layers').click();
  await waitForQueue(editor, /^2 of \d restyled/);

  const page = (await editor.page.evaluate(() => playground!.tree())).children.find(({ name }) => name === PAGE)!;
  const at = page.children.findIndex(({ id }) => id === instance!.id);
  expect(page.children[at]).toEqual(instance);
  expect(page.children[at + 1]).toMatchObject({ name: `${inside.name} – Ink`, bounds: inside.bounds });
  const stuck = page.children.findIndex(({ name }) => name === 'Locked cactus');
  expect(page.children[stuck + 1]).toMatchObject({ name: 'Locked cactus – Ink', locked: false });
});

test('layers deleted while they wait fail alone, and a page switched meanwhile changes nothing', async () => {
  await editor.page.evaluate(() => playground!.showPage('Icons'));
  const undoable = await editor.undoable();
  await slowWorkers(editor, 500);
  await queue(editor, 'cactus', 'robot', 'sake');
  await editor.page.evaluate(() => playground!.remove(playground!.idOf('robot')));
  await editor.page.evaluate((name) => playground!.showPage(name), PAGE);
  await waitForQueue(editor, '2 of 3 restyled');
  await editor.panel
    .getByText(/deleted|gone|no longer/)
    .first()
    .waitFor();
  const names = await editor.names('Icons');
  expect(names.filter((name) => name.endsWith(' – Ink'))).toEqual(['cactus – Ink', 'sake – Ink']);
  // The deletion is a step too.
  expect(await editor.undoable()).toBe(undoable + 3);
  await editor.page.evaluate(() => playground!.showPage('Icons'));
});

test('the slider changes a result in place: instantly while it moves, at full quality when it is let go', async () => {
  await openResult(editor, 'cactus – Ink');
  const learned = await editor.result('cactus – Ink');
  const [layers, undoable] = [await editor.names('Icons'), await editor.undoable()];
  const slider = editor.panel.getByRole('slider', { name: 'Strength of Ink' });

  let dragged = learned;
  await dragSlider(editor, 'Strength of Ink', [0.4, 0.3, 0.2], async () => {
    await editor.page.waitForFunction(
      ([id, hash]) => !JSON.stringify(playground!.tree(id).fills).includes(hash),
      [learned.id, learned.styled] as const,
      { timeout: PATIENCE },
    );
    dragged = await editor.result('cactus – Ink');
    // A picture for now, of which the layer's data know nothing.
    expect(dragged.parameters).toEqual(learned.parameters);
    expect(await editor.names('Icons')).toEqual(layers);
  });
  const strength = Number(await slider.inputValue()) / 100;
  expect(strength).toBeCloseTo(0.4, 1);
  const released = await waitForStrengths(editor, 'cactus – Ink', strength);
  expect(new Set([learned.styled, dragged.styled, released.styled]).size).toBe(3);
  const pictureApart = { fills: [], pluginData: {}, parameters: {}, styled: '' };
  expect({ ...released, ...pictureApart }).toEqual({ ...learned, ...pictureApart });
  expect(await editor.names('Icons')).toEqual(layers);
  // All of it is one step.
  expect(await editor.undoable()).toBe(undoable + 1);

  await editor.page.evaluate(() => playground!.undo());
  expect((await editor.result('cactus – Ink')).styled).toBe(learned.styled);
  // The slider follows.
  await editor.panel.locator('input[type=range][aria-valuetext="100%"]').waitFor();
});

test('strength 0 shows the very original, and of several strengths the newest wins', async () => {
  await openResult(editor, 'cactus – Ink');
  await typeStrength(editor, 'Strength of Ink', 0);
  const none = await waitForStrengths(editor, 'cactus – Ink', 0);
  expect(none.styled).toBe(none.original);
  // Drawn at the size it was restyled at, the layer has its source's pixels.
  const source = await editor.layer('cactus');
  const scale = 512 / Math.max(source.bounds.width, source.bounds.height);
  expect(await editor.pixels(none.id, scale)).toEqual(await editor.pixels(source.id, scale));

  await typeStrength(editor, 'Strength of Ink', 150);
  const strong = await waitForStrengths(editor, 'cactus – Ink', 1.5);
  await typeStrength(editor, 'Strength of Ink', 0);
  await waitForStrengths(editor, 'cactus – Ink', 0);

  const before = await editor.undoable();
  for (const percent of [90, 20, 150]) await typeStrength(editor, 'Strength of Ink', percent);
  const newest = await waitForStrengths(editor, 'cactus – Ink', 1.5);
  expect(newest.styled).toBe(strong.styled);
  // Nothing of the earlier ones arrives late.
  await editor.page.waitForTimeout(1_000);
  expect(await editor.result('cactus – Ink')).toEqual(newest);
  expect(await editor.undoable()).toBe(before + 1);
});

test('a result outlives its source', async () => {
  const { original } = await editor.result('sake – Ink');
  await editor.page.evaluate(() => playground!.remove(playground!.idOf('sake')));
  await openResult(editor, 'sake – Ink');
  await typeStrength(editor, 'Strength of Ink', 60);
  const tuned = await waitForStrengths(editor, 'sake – Ink', 0.6);
  expect(tuned).toMatchObject({ original });
  expect(tuned.styled).not.toBe(original);
  await typeStrength(editor, 'Strength of Ink', 0);
  expect((await waitForStrengths(editor, 'sake – Ink', 0)).styled).toBe(original);
});

test('two styles are blended with a slider each', async () => {
  await editor.select('koala');
  await goTo(editor, 'Restyle');
  await chooseStyles(editor, 'Ink', 'Gold');
  await restyle(editor, 'koala');
  const name = (await editor.names('Icons')).find((each) => /^koala – (Ink \+ Gold|Gold \+ Ink)$/.test(each))!;
  const both = await editor.result(name);
  const styles = both.parameters.styles.map((style) => style.name);
  const inkIsFirst = styles[0] === 'Ink';
  const strengths = (ink: number, gold: number): number[] => (inkIsFirst ? [ink, gold] : [gold, ink]);

  await openResult(editor, name);
  await typeStrength(editor, 'Gold', 0);
  const ink = await waitForStrengths(editor, name, ...strengths(1, 0));
  await typeStrength(editor, 'Ink', 0);
  expect((await waitForStrengths(editor, name, ...strengths(0, 0))).styled).toBe(both.original);
  expect(new Set([both.original, both.styled, ink.styled]).size).toBe(3);
});

test('a queue is cancelled: what is done stays, nothing else comes', async () => {
  const before = await editor.names('Icons');
  await editor.select('umbrella');
  await goTo(editor, 'Restyle');
  await chooseStyles(editor, 'Ink');
  await slowWorkers(editor, 500);
  await queue(editor, 'umbrella', 'sunflower', 'locked', 'green apple');
  await editor.panel.getByText('Restyling 2 of 4').waitFor({ timeout: PATIENCE });
  await button(editor, 'Cancel all').click();
  // The second one, if it was done by then.
  const outcome = editor.panel.getByText(/^[12] of 4 restyled$/);
  await outcome.waitFor({ timeout: PATIENCE });
  const done = Number.parseInt(await outcome.innerText());
  const names = await editor.names('Icons');
  expect(names).toHaveLength(before.length + done);
  expect(names).toContain('umbrella – Ink');
  expect(names).not.toContain('locked – Ink');
  await button(editor, 'Try locked again').click();
  await waitForQueue(editor, `${done + 1} of 4 restyled`);
  expect(await editor.names('Icons')).toContain('locked – Ink');
});

test('the frames of the file that match are restyled; closed in the middle, the panel goes on with the rest', async () => {
  const { panel } = editor;
  await goTo(editor, 'Restyle');
  await chooseStyles(editor, 'Ink');
  await panel.getByText('Restyle a page or the whole file').click();
  await panel.getByLabel('Frames of').selectOption('The whole file');
  await panel.getByLabel('Component').fill('badge');
  await panel.getByText('2 frames on 1 page match.').waitFor({ timeout: PATIENCE });
  await panel.getByLabel('Component').fill('');
  await panel.getByLabel('Name').fill('e');
  await panel.getByText('6 frames on 2 pages match.').waitFor({ timeout: PATIENCE });
  const made = async (): Promise<string[]> =>
    [...(await editor.names('Icons')), ...(await editor.names(PAGE))].filter((name) => name.endsWith(' – Ink'));
  const before = await made();

  await slowWorkers(editor, 500);
  await button(editor, 'Restyle 6 frames').click();
  await panel.getByText('Restyling 3 of 6').waitFor({ timeout: PATIENCE });
  await editor.page.evaluate(() => playground!.closePlugin());
  await editor.start('open');
  await goTo(editor, 'Restyle');
  await panel.getByRole('heading', { name: /^[1-4] of 6 frames (is|are) left$/ }).waitFor({ timeout: PATIENCE });
  await button(editor, 'Go on').click();
  await waitForQueue(editor, /^([1-4]) of \1 restyled$/);

  // Each once, unless the panel was closed between a result and the mark that it is there.
  const added = new Set((await made()).filter((name) => !before.includes(name)));
  const frames = ['Badge', 'Clipped', 'Empty frame', 'Rotated', 'To restyle'].map((name) => `${name} – Ink`);
  expect([...added].sort()).toEqual(frames.filter((name) => !before.includes(name)));
  expect((await made()).filter((name) => name === 'Badge – Ink').length).toBeGreaterThanOrEqual(2);
  expect(await panel.getByText(/frames? (is|are) left/).count()).toBe(0);
});
