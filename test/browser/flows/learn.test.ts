/** Pair and learn: what is guessed of two layers, and a style that is the same however often learning was broken off. */
import { endWorkers, refuseWorkers } from './breakdown';
import { openEditor, PATIENCE, type EditorUnderTest } from './editor';
import { layerAs, likeness, pictureShown } from './pictures';
import { button, describeLearning, goTo, restyle, waitForHeading, waitForStep, waitForStorage } from './user';

jest.setTimeout(300_000);

/** Enough to break off in the middle: seconds, where a click takes a tenth of one. */
const SETTINGS = { style: 'Line', steps: 120, contentSteps: 2 };

let editor: EditorUnderTest;
/** Key of the style in storage, which is a hash of its file. */
let unbroken: string;

beforeAll(async () => {
  editor = await openEditor('tiny');
});
afterEach(() => expect(editor.takeErrors()).toEqual([]));
afterAll(() => editor.close());

const stylesKept = async (): Promise<string[]> =>
  (await editor.storedKeys()).filter((key) => key.startsWith('style:')).sort();

test('the panel guesses which of two layers is which, shows them as they are, and can swap them', async () => {
  const { panel } = editor;
  // The order in which they were selected says nothing.
  await editor.select('teddy bear after', 'teddy bear before');
  for (const name of ['before', 'after']) {
    const layer = await editor.layer(`teddy bear ${name}`);
    const { data } = await editor.pixels(layer.id, 512 / 200);
    const alt = `${name === 'before' ? 'Before' : 'After'}: teddy bear ${name}`;
    // Not toEqual: it takes half a minute over a million numbers.
    expect(Buffer.compare((await pictureShown(editor, alt)).data, data)).toBe(0);
  }
  await waitForHeading(editor, 'A good pair');
  await expect(panel.getByLabel('What both show').inputValue()).resolves.toBe('teddy bear');
  await expect(panel.getByLabel('Style name').inputValue()).resolves.not.toBe('');

  await button(editor, 'Swap before and after').click();
  await panel.getByAltText('Before: teddy bear after').waitFor();
  await panel.getByAltText('After: teddy bear before').waitFor();
});

test('the panel says what to select, and what is wrong with a pair', async () => {
  const { panel } = editor;
  await editor.select();
  await panel.getByText('Select two layers').waitFor();
  await editor.select('koala');
  await panel.getByText('“koala” is selected. Hold Shift and select its other version too.').waitFor();
  await editor.select('koala', 'robot', 'sake', 'cactus');
  await panel.getByText('4 layers are selected').waitFor();

  await editor.select('koala', 'cactus');
  await waitForHeading(editor, 'These two do not show the same thing');
  await expect(button(editor, 'Learn anyway').isEnabled()).resolves.toBe(true);

  const twin = await editor.layer('koala');
  const [fill] = twin.fills;
  const bytes = await editor.image(fill!.type === 'IMAGE' ? fill!.imageHash! : '');
  await editor.page.evaluate((png) => playground!.add('twin.png', 'image/png', png), bytes);
  const size = (await editor.layer('twin')).bounds;
  expect(size.width).toBe(size.height);
  await editor.select('koala', 'twin');
  await waitForHeading(editor, 'These two look the same');
  await expect(
    button(editor, /^Learn/)
      .last()
      .isDisabled(),
  ).resolves.toBe(true);
});

test('what the pair makes of a third layer is shown at once, before anything is learned', async () => {
  const { panel } = editor;
  await editor.select('teddy bear before', 'teddy bear after');
  await panel.getByAltText('Preview: teddy bear before').waitFor({ timeout: PATIENCE });
  await editor.select('teddy bear before', 'teddy bear after', 'koala');
  await button(editor, 'Use the third as live sample').click();
  const shown = await pictureShown(editor, 'Preview: koala');
  const { data } = await editor.pixels((await editor.layer('koala')).id, 256 / 200);
  expect([shown.width, shown.height]).toEqual([256, 256]);
  expect(Buffer.compare(shown.data, data)).not.toBe(0);
});

test('a style is learned while a third layer shows how it grows, and is kept', async () => {
  const { panel } = editor;
  // Other layers first: the three are agreed on already.
  await editor.select('koala');
  await panel.getByAltText('Preview: koala').waitFor({ state: 'detached' });
  await editor.select('teddy bear before', 'teddy bear after', 'koala');
  await button(editor, 'Use the third as live sample').click();
  await describeLearning(editor, { ...SETTINGS, sampleEvery: 60 });
  await button(editor, 'Learn style').click({ timeout: PATIENCE });
  await waitForStep(editor, 1);
  const koala = await editor.layer('koala');
  await panel.getByAltText('Live sample').waitFor({ timeout: PATIENCE });
  const sample = await pictureShown(editor, 'Live sample');
  const likenessToKoala = likeness(sample, await layerAs(editor, 'koala', sample));
  // The koala still, and no longer the same.
  expect(likenessToKoala).toBeGreaterThan(0.5);
  expect(likenessToKoala).toBeLessThan(0.9999);
  await waitForHeading(editor, '“Line” is learned');

  const kept = await stylesKept();
  expect(kept).toHaveLength(1);
  unbroken = kept[0]!;
  expect(await editor.storedKeys()).not.toContain('draft');
  for (const name of ['teddy bear before', 'teddy bear after']) {
    expect((await editor.layer(name)).relaunchData).toHaveProperty('learn');
  }
  // Learning draws layers and changes none.
  expect(await editor.layer('koala')).toEqual(koala);
  await goTo(editor, 'Styles');
  await panel.getByText('teddy bear ·').waitFor();
});

/** Begins to learn the pair that the panel shows. */
async function begin(settings = SETTINGS): Promise<void> {
  await waitForHeading(editor, 'A good pair');
  await describeLearning(editor, settings);
  await button(editor, 'Learn style').click({ timeout: PATIENCE });
  await waitForStep(editor, 3);
}

/** The same of the sample pair, in a fresh panel unless this one shows it with nothing kept: its engines are up. */
async function beginAfresh(settings = SETTINGS): Promise<void> {
  const ready = await editor.panel.getByRole('heading', { name: 'A good pair' }).isVisible();
  const kept = (await editor.storedKeys()).some((key) => key === 'draft' || key.startsWith('style:'));
  if (!ready || kept) await editor.reload();
  await begin(settings);
}

test('where no worker starts any more learning fails, says so, and can be begun again and cancelled', async () => {
  await beginAfresh();
  const { restore } = await refuseWorkers(editor);
  await endWorkers(editor);
  await editor.panel.getByText('“Line” could not be learned').waitFor({ timeout: PATIENCE });
  await restore();
  await goTo(editor, 'Model');
  await button(editor, 'Try again').click();
  await editor.panel.getByText(/^Processor \(WebAssembly/).waitFor({ timeout: PATIENCE });
  await goTo(editor, 'Learn');
  // Discard, where there was a checkpoint by then.
  await button(editor, /^(Back|Discard)$/).click();
  await begin();

  // Cancelled learning leaves nothing behind.
  await button(editor, 'Cancel').click();
  await waitForHeading(editor, 'A good pair');
  expect(await stylesKept()).toEqual([]);
  expect(await editor.storedKeys()).not.toContain('draft');
});

test('paused, closed, opened again and resumed, learning ends with the same style', async () => {
  await beginAfresh();
  await button(editor, 'Pause').click();
  await waitForHeading(editor, '“Line” is paused');
  await editor.page.evaluate(() => playground!.closePlugin());
  expect(await editor.storedKeys()).toContain('draft');
  expect(await stylesKept()).toEqual([]);

  // What is selected by now does not matter.
  await editor.select('koala');
  await editor.start('learn');
  await waitForHeading(editor, '“Line” is paused');
  await button(editor, 'Resume').click();
  await waitForHeading(editor, '“Line” is learned');
  expect(await stylesKept()).toEqual([unbroken]);
  expect(await editor.storedKeys()).not.toContain('draft');
});

test('closed without a word while learning, the plugin offers to go on from its last checkpoint', async () => {
  // Long enough for a checkpoint on any machine.
  await beginAfresh({ ...SETTINGS, steps: 20_000 });
  await waitForStorage(editor, (keys) => keys.includes('draft'));
  await editor.page.evaluate(() => playground!.closePlugin());
  await editor.start('learn');
  await waitForHeading(editor, '“Line” is paused');
  await editor.panel.getByText(/^Step [1-9]\d* of 20002$/).waitFor();
  await button(editor, 'Discard').click();
  await waitForHeading(editor, 'A good pair');
  await waitForStorage(editor, (keys) => !keys.includes('draft'));
});

test('workers that die while learning are started again, and nothing is lost', async () => {
  await beginAfresh();
  await endWorkers(editor);
  await editor.panel.getByText(/The engine stopped and was started again/).waitFor({ timeout: PATIENCE });
  await waitForHeading(editor, '“Line” is learned');
  expect(await stylesKept()).toEqual([unbroken]);
});

test('a pair is used as it is: kept as a style without learning, and a layer restyled after it', async () => {
  await button(editor, 'Learn another').click();
  await editor.select('teddy bear before', 'teddy bear after');
  await waitForHeading(editor, 'A good pair');
  await editor.panel.getByLabel('Style name').fill('Sign');
  await button(editor, 'Use as it is').click();
  await waitForHeading(editor, '“Sign” is kept');
  await button(editor, 'Restyle with it').click();
  await editor.select('koala');
  await restyle(editor, 'koala');
  const result = await editor.result('koala – Sign');
  expect(result.parameters).toMatchObject({ kind: 'restyled', styles: [{ name: 'Sign', strength: 1 }] });
  expect(result.styled).not.toBe(result.original);
});
