/** The built plugin in Figma's frames, without a network: code.js, and the panel that is one document. */
import { openReplica, readBase64, type ReplicaBrowser } from './in-replica';
import { learnStyle, restyleLayer, setStrength } from './panel-user';

jest.setTimeout(600_000);

let replica: ReplicaBrowser;
beforeAll(async () => {
  replica = await openReplica({
    pictures: {
      'bell before': readBase64('test/fixtures/pairs/bell-flat.png'),
      'bell after': readBase64('test/fixtures/pairs/bell-line.png'),
      umbrella: readBase64('test/fixtures/pairs/umbrella-flat.png'),
    },
  });
});
afterAll(() => replica.close());

test('learns a style, restyles a layer, and gives the very original at strength 0', async () => {
  const { page } = replica;
  await page.evaluate(() => diptychReplica.current.start('open'));
  const panel = await replica.panel('[role=tab]');
  // From here on even the editor's own server cannot be reached.
  await page.context().setOffline(true);
  // Enough that the style shows in whole grey levels, whatever strength it is fitted.
  await learnStyle(replica, panel, { before: 'bell before', after: 'bell after', style: 'Line', steps: 12 });

  const result = await restyleLayer(replica, panel, 'umbrella');
  expect(result).toMatchObject({ name: 'umbrella – Line', kind: 'RECTANGLE', visible: true });
  const [original, styled] = result.images;
  expect([original!.visible, styled!.visible]).toEqual([false, true]);
  expect(styled!.png).not.toBe(original!.png);
  expect(
    await page.evaluate(([a, b]) => diptychReplica.difference(a, b), [original!.png, styled!.png] as const),
  ).toBeGreaterThan(0);

  const untouched = await setStrength(replica, panel, { result: result.name, style: 'Line', percent: 0 });
  expect(untouched.images.map(({ png }) => png)).toEqual([original!.png, original!.png]);

  expect(replica.requests.filter((url) => !url.endsWith('/plugin-frame'))).toEqual([]);
  expect(await page.evaluate(() => diptychReplica.current.errors)).toEqual([]);
  expect(replica.takeErrors()).toEqual([]);
});
