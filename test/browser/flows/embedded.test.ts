/** The model that ships, through the panel's whole job. The other flows, about the panel itself, run a tiny model. */
import { openEditor, PATIENCE, type EditorUnderTest } from './editor';
import { layerAs, likeness, pictureShown } from './pictures';
import {
  button,
  describeLearning,
  goTo,
  openResult,
  restyle,
  typeStrength,
  waitForHeading,
  waitForStrengths,
} from './user';

jest.setTimeout(300_000);

let editor: EditorUnderTest;
beforeAll(async () => {
  editor = await openEditor('embedded');
});
afterEach(() => expect(editor.takeErrors()).toEqual([]));
afterAll(() => editor.close());

test('a style is learned while a third layer shows how it grows', async () => {
  await editor.select('teddy bear before', 'teddy bear after', 'koala');
  await button(editor, 'Use the third as live sample').click();
  await describeLearning(editor, { style: 'Line', steps: 10, contentSteps: 2, sampleEvery: 5 });
  await button(editor, 'Learn style').click({ timeout: PATIENCE });
  await editor.panel.getByAltText('Live sample').waitFor({ timeout: PATIENCE });
  const sample = await pictureShown(editor, 'Live sample');
  const koala = await layerAs(editor, 'koala', sample);
  // The koala still, and no longer the same.
  expect(likeness(sample, koala)).toBeGreaterThan(0.6);
  expect(likeness(sample, koala)).toBeLessThan(0.9999);
  await waitForHeading(editor, '“Line” is learned');
});

test('other layers are restyled in it, and tuned back to the original', async () => {
  await restyle(editor, 'koala', 'cactus');
  for (const name of ['koala', 'cactus']) {
    const result = await editor.result(`${name} – Line`);
    expect(result).toMatchObject({ visible: true, bounds: (await editor.layer(name)).bounds });
    const [source, styled] = [await editor.pixels((await editor.layer(name)).id), await editor.pixels(result.id)];
    expect(likeness(styled, source)).toBeGreaterThan(0.6);
    expect(likeness(styled, source)).toBeLessThan(0.9999);
  }
  await openResult(editor, 'koala – Line');
  await typeStrength(editor, 'Strength of Line', 0);
  const none = await waitForStrengths(editor, 'koala – Line', 0);
  expect(none.styled).toBe(none.original);
});

test('words and the style become a new frame', async () => {
  await goTo(editor, 'Imagine');
  await editor.panel.getByLabel('What to draw').fill('a red apple');
  await button(editor, 'Imagine').click();
  await editor.panel.getByText('Added to the canvas').waitFor({ timeout: PATIENCE });
  const { data } = await editor.pixels((await editor.layer('a red apple – Line')).id);
  expect(new Set(data).size).toBeGreaterThan(16);
});

test('the model’s view says at what size it works', async () => {
  await goTo(editor, 'Model');
  await editor.panel.getByText('256 px').waitFor();
});
