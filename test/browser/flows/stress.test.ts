/** The editor and the panel under strain: nothing is lost, half done or left behind, and memory goes back to its level. */
import type { NodeTree } from '../../../playground/model/handle';
import { openEditor, PATIENCE, type EditorUnderTest } from './editor';
import { memoryInUse } from './memory';
import { layerAs, pictureShown } from './pictures';
import { slowWorkers } from './slow';
import { styleFile } from './styles';
import { button, goTo, importStyle, openResult, queue, restyle, waitForQueue } from './user';

jest.setTimeout(300_000);

const PAGE = 'Every kind of layer';
/** Between two measurements at rest lie some hundred kB; the engine's WebAssembly alone has tens of MB. */
const TOLERANCE = 4e6;

let editor: EditorUnderTest;

beforeAll(async () => {
  editor = await openEditor('tiny', 'nothing');
  await importStyle(editor, styleFile('Ink', 'tiny'), 'Ink');
  await editor.page.evaluate((name) => playground!.showPage(name), PAGE);
});
beforeEach(() => undo(1_000));
afterEach(async () => {
  await slowWorkers(editor, 0);
  expect(editor.takeErrors()).toEqual([]);
});
afterAll(() => editor.close());

const onPage = async (): Promise<readonly NodeTree[]> => {
  const { children } = await editor.page.evaluate(() => playground!.tree());
  return children.find(({ name }) => name === PAGE)!.children;
};
const isResult = ({ pluginData }: NodeTree): boolean => 'result' in pluginData;
/** As many steps as there are, at most. */
const undo = (steps: number): Promise<void> =>
  editor.page.evaluate((most) => {
    for (let i = Math.min(most, playground!.undoable()); i > 0; i--) playground!.undo();
  }, steps);
/** What the queue's list says of each layer, those included that it would have to be scrolled to. */
const rows = (): Promise<string[]> =>
  editor.panel.locator('.queue-item').evaluateAll((items) =>
    items.map((item) =>
      Array.from(item.children, (part) => part.textContent)
        .filter(Boolean)
        .join(' '),
    ),
  );

describe('200 layers in the queue', () => {
  const KINDS = ['Rotated', 'Clipped', 'Star', 'Title', 'Group', 'Masked', 'Ring', 'Locked cactus'];

  /** Queues all and cancels in the middle of the third. Returns how many were restyled. */
  async function queueAndCancel(ids: readonly string[]): Promise<number> {
    await slowWorkers(editor, 500);
    await queue(editor, ...ids);
    await editor.panel.getByText(`Restyling 3 of ${ids.length}`).waitFor({ timeout: PATIENCE });
    await button(editor, 'Cancel all').click();
    const outcome = editor.panel.getByText(new RegExp(`^\\d+ of ${ids.length} restyled$`));
    await outcome.waitFor({ timeout: PATIENCE });
    await slowWorkers(editor, 0);
    return Number.parseInt(await outcome.innerText());
  }

  test('are cancelled on the way: what is done is whole, nothing else comes, and memory goes back', async () => {
    await editor.select(...KINDS);
    await editor.page.evaluate(() => (document.activeElement as HTMLElement).blur());
    for (let i = 0; i < 24; i++) await editor.page.keyboard.press('Control+d');
    const names = new Set(KINDS);
    const before = await onPage();
    const ids = before.filter(({ name }) => names.has(name)).map(({ id }) => id);
    expect(ids).toHaveLength(200);
    const undoable = await editor.undoable();

    const done = await queueAndCancel(ids);

    expect([2, 3]).toContain(done);
    expect(await editor.undoable()).toBe(undoable + done);
    const after = await onPage();
    const results = after.filter(isResult);
    expect(results).toHaveLength(done);
    expect(after.filter((node) => !isResult(node))).toEqual(before);
    for (const result of results) {
      const source = after[after.indexOf(result) - 1]!;
      expect(result).toMatchObject({ name: `${source.name} – Ink`, bounds: source.bounds, visible: true });
      expect(new Set((await editor.pixels(result.id)).data).size).toBeGreaterThan(8);
    }
    // In the order they were queued.
    expect(
      results.map(({ pluginData }) => (JSON.parse(pluginData['result']!) as { sourceId: string }).sourceId),
    ).toEqual(ids.slice(0, done));
    const shown = await rows();
    expect(shown.filter((row) => row.endsWith('Done'))).toHaveLength(done);
    expect(shown.filter((row) => row.endsWith('Cancelled'))).toHaveLength(200 - done);
    // Nothing arrives late.
    await editor.page.waitForTimeout(1_500);
    expect(await onPage()).toEqual(after);

    // Usable right after, and twice leaves no more behind than once. A worker that was ended when it was cancelled is
    // started again by the next layer.
    await undo(done);
    await restyle(editor, ids[0]!);
    await undo(1);
    const level = await memoryInUse(editor);
    await undo(await queueAndCancel(ids));
    await restyle(editor, ids[0]!);
    await undo(1);
    expect(await onPage()).toEqual(before);
    expect(Math.abs((await memoryInUse(editor)) - level)).toBeLessThan(TOLERANCE);
  });
});

test('layers deleted while they are restyled, or wait for it, say so; back again, they are restyled after all', async () => {
  const sources = ['Rotated', 'Star', 'Clipped'];
  const before = await onPage();
  const undoable = await editor.undoable();
  await slowWorkers(editor, 500);
  await queue(editor, ...sources);
  await editor.panel.locator('[role=progressbar][aria-label=Rotated][aria-valuenow]').waitFor({ timeout: PATIENCE });
  await editor.page.evaluate(() => {
    for (const name of ['Rotated', 'Star']) playground!.remove(playground!.idOf(name));
  });
  await waitForQueue(editor, '1 of 3 restyled');
  const gone = 'This layer is no longer in the document.';
  // The first one's picture was made already.
  const kept = `Rotated Not placed ${gone} The picture is kept here. Save on disk Discard`;
  expect(await rows()).toEqual([kept, `Star Failed ${gone}`, 'Clipped Done']);
  expect((await onPage()).filter(isResult).map(({ name }) => name)).toEqual(['Clipped – Ink']);
  expect(await editor.undoable()).toBe(undoable + 3);

  await undo(3);
  expect(await onPage()).toEqual(before);
  await button(editor, 'Retry failed').click();
  await waitForQueue(editor, '3 of 3 restyled');
  expect((await onPage()).filter(isResult).map(({ name }) => name)).toEqual(['Rotated – Ink', 'Star – Ink']);
});

test('a result deleted while its slider is at work is no trouble for the next one', async () => {
  await restyle(editor, 'Clipped', 'Star');
  await openResult(editor, 'Clipped – Ink');
  const field = editor.panel.getByLabel('Strength of Ink, percent');
  await field.fill('40', { timeout: PATIENCE });
  await slowWorkers(editor, 500);
  await field.press('Enter');
  await editor.page.evaluate(() => playground!.remove(playground!.idOf('Clipped – Ink')));
  await openResult(editor, 'Star – Ink');
  await field.fill('0', { timeout: PATIENCE });
  await field.press('Enter');
  await editor.page.waitForFunction(
    () => playground!.tree(playground!.idOf('Star – Ink')).pluginData['result']!.includes('"strength":0'),
    undefined,
    { timeout: PATIENCE },
  );
  expect((await onPage()).filter(isResult).map(({ name }) => name)).toEqual(['Star – Ink']);
});

/** Selects each in turn, faster and slower than the panel is told, round and round `times` times, and `last` at once. */
const selectInTurn = (choices: readonly string[][], times: number, last: readonly string[]): Promise<void> =>
  editor.page.evaluate(
    async ([each, count, end]) => {
      for (let i = 0; i < count; i++) {
        playground!.select(...each[i % each.length]!);
        // Sometimes at once, mostly a few ms later, now and then when the panel was told.
        if (i % 3 > 0) await new Promise((resolve) => setTimeout(resolve, i % 50 === 1 ? 120 : 4));
      }
      playground!.select(...end);
    },
    [choices, times, last] as const,
  );

test('the selection changes 1,000 times: the panel ends with the last, and holds no more than before', async () => {
  const { panel } = editor;
  await restyle(editor, 'Star');
  const choices = [
    ['Star', 'Clipped'],
    ['Rotated', 'Title', 'landscape'],
    ['Star – Ink'],
    [],
    ['Ring', 'Star'],
    ['Group'],
  ];
  const visit = async (times: number): Promise<void> => {
    for (const tab of ['Restyle', 'Learn'] as const) {
      await goTo(editor, tab);
      await selectInTurn(choices, times / 2, ['Clipped', 'Group']);
    }
    for (const name of ['Clipped', 'Group'])
      await panel.getByAltText(new RegExp(`^(Before|After): ${name}$`)).waitFor();
    await panel.getByRole('heading', { name: 'These two do not show the same thing' }).waitFor({ timeout: PATIENCE });
    // A preview that was given up is computed to its end, before this one.
    await panel.getByAltText(/^Preview: (Clipped|Group)$/).waitFor({ timeout: PATIENCE });
  };
  // Until every pair was previewed once: the programs for a size are kept.
  await visit(400);
  const level = await memoryInUse(editor);
  const before = await onPage();
  await visit(1_000);
  expect(Math.abs((await memoryInUse(editor)) - level)).toBeLessThan(TOLERANCE);
  expect(await onPage()).toEqual(before);

  // Each picture is the one of the layer it is called after.
  for (const name of ['Clipped', 'Group']) {
    const shown = await pictureShown(editor, new RegExp(`^(Before|After): ${name}$`));
    expect(Buffer.compare(shown.data, (await layerAs(editor, name, shown)).data)).toBe(0);
  }
});
