/** The engine's side of the panel in Chromium: a worker that dies costs nothing, and storage keeps what is put in it. */
import { openBrowser, type BrowserUnderTest } from './chromium';

jest.setTimeout(600_000);

let browser: BrowserUnderTest;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());
afterEach(() => expect(browser.takeErrors()).toEqual([]));

test('when the worker is killed, learning ends with the very style and restyling with the very picture', async () => {
  const PAIR = ['test/fixtures/pairs/bell-flat.png', 'test/fixtures/pairs/bell-line.png'] as const;
  const run = await browser.page.evaluate(([b, a]) => diptychPage.learnThroughBreakdown(b, a), PAIR);
  expect(run.styles[1]).toBe(run.styles[0]);
  expect(run.bytes).toBeGreaterThan(10_000);
  expect(run.losses[1]).toEqual(run.losses[0]);
  expect(run.pictures[1]).toBe(run.pictures[0]);
  expect(run.sameAsOriginal).toBe(false);
  // It went on in the middle, and did not begin again.
  expect(run.steps.filter((step) => step === 1)).toHaveLength(1);
  expect(run.notices).toEqual([
    expect.stringMatching(/^The engine stopped and was started again\. Learning goes on from step [1-9]\d*\.$/),
    'The engine stopped and was started again. The picture is made once more.',
  ]);
});

test("the browser's own file system keeps a model's files in parts, and lets go of them", async () => {
  expect(await browser.page.evaluate(() => diptychPage.keepInStorage())).toEqual({
    lasting: true,
    models: ['hub:org/model@a/b'],
    index: { some: 'index' },
    whole: [1, 1, 1, 2, 2],
    removed: [],
    after: [],
  });
});
