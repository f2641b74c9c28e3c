/** Styles in the user's library and in the document. */
import { Sandbox } from './support/sandbox';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.open();
});
afterEach(() => sandbox.close());

const QUOTA = 5_000_000;

test('a style is kept, listed with its thumbnail, read back and removed', () => {
  const seen = sandbox.run(async (world) => {
    await world.open();
    const empty = await world.call('listStyles', {});
    const style = world.style('a', 300_000);
    const put = await world.call('putStyle', { ...style, place: 'library' });
    const listed = await world.call('listStyles', {});
    const { file } = await world.call('readStyle', { id: 'a' });
    const same = file.join() === style.file.join();
    const removed = await world.call('removeStyle', { id: 'a', place: 'library' });
    return {
      empty,
      put,
      names: listed.styles.map(({ name, inLibrary, inDocument, bytes }) => [name, inLibrary, inDocument, bytes]),
      thumbnail: world.tag(listed.styles[0]!.thumbnail),
      storage: listed.storage.used === put.storage.used,
      same,
      removed,
      after: (await world.call('listStyles', {})).styles,
      error: await world.refusal('readStyle', { id: 'a' }),
    };
  });
  expect(seen.empty).toEqual({ styles: [], storage: { used: 0, quota: QUOTA } });
  expect(seen.put.storage.used).toBeGreaterThan(300_000);
  expect(seen.put.storage.used).toBeLessThan(301_000);
  expect(seen).toMatchObject({
    names: [['Style a', true, false, 300_000]],
    thumbnail: 'a',
    storage: true,
    same: true,
    removed: { storage: { used: 0, quota: QUOTA } },
    after: [],
    error: { name: 'InputError', message: expect.stringMatching(/neither in your library nor in this document/) },
  });
});

test('another session of the same user has the library, newest first', () => {
  const seen = sandbox.run(async (world) => {
    await world.open();
    for (const id of ['a', 'c', 'b']) await world.call('putStyle', { ...world.style(id), place: 'library' });
    world.plugin.close();
    await world.open();
    return (await world.call('listStyles', {})).styles.map(({ id }) => id);
  });
  // World gives a, b and c rising dates.
  expect(seen).toEqual(['c', 'b', 'a']);
});

test('what does not fit is refused with the sizes, and nothing is changed', () => {
  const seen = sandbox.run(async (world) => {
    await world.open();
    await world.call('putStyle', { ...world.style('a', 2_000_000), place: 'library' });
    await world.call('putStyle', { ...world.style('b', 2_900_000), place: 'library' });
    const before = JSON.stringify(await world.call('listStyles', {}));
    const third = await world.refusal('putStyle', { ...world.style('c', 400_000), place: 'library' });
    const larger = await world.refusal('putStyle', { ...world.style('a', 2_200_000), place: 'library' });
    const draft = await world.refusal('putDraft', { draft: world.draft(500_000) });
    const { file } = await world.call('readStyle', { id: 'a' });
    return {
      errors: [third, larger, draft],
      same: JSON.stringify(await world.call('listStyles', {})) === before && file.length === 2_000_000,
    };
  });
  const howToFix = 'Remove a style you do not need, keep this one in the document, or export it as a file.';
  expect(seen.errors).toEqual([
    { name: 'QuotaError', message: `“Style c” needs 0.4 MB, and 0.1 MB of 5.0 MB are left. ${howToFix}` },
    { name: 'QuotaError', message: `“Style a” needs 2.2 MB, and 2.1 MB of 5.0 MB are left. ${howToFix}` },
    {
      name: 'QuotaError',
      message: expect.stringMatching(
        /^The checkpoint of “Ink” needs 0\.5 MB, and 0\.1 MB of 5\.0 MB are left\. Remove/,
      ),
    },
  ]);
  expect(seen.same).toBe(true);
});

test('storage that refuses for another reason says so', () => {
  const seen = sandbox.run(async (world) => {
    await world.open();
    world.editor.storage.setAsync = async () => {
      throw 'storage is disabled';
    };
    return world.refusal('putStyle', { ...world.style('a'), place: 'library' });
  });
  expect(seen.name).toBe('QuotaError');
  expect(seen.message).toMatch(/^“Style a” could not be kept: storage is disabled\. Remove/);
});

test('two windows that keep styles at the same time lose none', () => {
  const seen = sandbox.run(async (world) => {
    const other = world.another();
    await world.open();
    await other.open();
    const put = (w: typeof world, id: string) => w.call('putStyle', { ...w.style(id), place: 'library' });
    await Promise.all([put(world, 'a'), put(other, 'b'), put(world, 'c'), put(other, 'd')]);
    await Promise.all([
      world.call('renameStyle', { id: 'a', name: 'A' }),
      other.call('removeStyle', { id: 'c', place: 'library' }),
      other.call('putStyle', { ...other.style('e'), place: 'document' }),
    ]);
    const list = async (w: typeof world) => (await w.call('listStyles', {})).styles.map(({ name }) => name).sort();
    return [await list(world), await list(other)];
  });
  const all = ['A', 'Style b', 'Style d', 'Style e'];
  expect(seen).toEqual([all, all]);
});

test('a style of the document lies in chunks below 100 kB and reads back the same, without its maker’s library', () => {
  const seen = sandbox.run(async (world) => {
    await world.open();
    const before = world.file.history.undoable;
    const style = world.style('a', 400_001);
    await world.call('putStyle', { ...style, place: 'document' });
    const { pluginData } = world.node('0:0');
    const teammate = world.another('someone else’s computer');
    await teammate.open();
    const { styles, storage } = await teammate.call('listStyles', {});
    const { file } = await teammate.call('readStyle', { id: 'a' });
    return {
      keys: Object.keys(pluginData),
      longest: Math.max(...Object.values(pluginData).map(({ length }) => length)),
      listed: styles.map(({ name, inLibrary, inDocument, thumbnail }) => [
        name,
        inLibrary,
        inDocument,
        teammate.tag(thumbnail),
      ]),
      used: storage.used,
      same: file.join() === style.file.join(),
      steps: world.file.history.undoable - before,
    };
  });
  const chunks = Array.from({ length: 7 }, (_, i) => `file:${i}:a`);
  expect(seen.keys.sort()).toEqual([...chunks, 'style:a', 'thumbnail:0:a']);
  expect(seen.longest).toBeLessThan(90_000);
  expect(seen).toMatchObject({ listed: [['Style a', false, true, 'a']], used: 0, same: true, steps: 1 });
});

test('a style in both places is listed once, renamed in both, and removed from one', () => {
  const seen = sandbox.run(async (world) => {
    await world.open();
    for (const place of ['library', 'document'] as const) {
      await world.call('putStyle', { ...world.style('a', 100_000), place });
    }
    const list = async () =>
      (await world.call('listStyles', {})).styles.map(({ name, inLibrary, inDocument }) => [
        name,
        inLibrary,
        inDocument,
      ]);
    const lists = [await list()];
    await world.call('renameStyle', { id: 'a', name: 'Gold' });
    lists.push(await list());
    await world.call('removeStyle', { id: 'a', place: 'library' });
    lists.push(await list());
    const { file } = await world.call('readStyle', { id: 'a' });
    await world.call('removeStyle', { id: 'a', place: 'document' });
    lists.push(await list());
    const left = Object.keys(world.node('0:0').pluginData);
    return {
      lists,
      read: file.length,
      left,
      error: (await world.refusal('renameStyle', { id: 'a', name: 'x' })).message,
    };
  });
  expect(seen).toEqual({
    lists: [[['Style a', true, true]], [['Gold', true, true]], [['Gold', false, true]], []],
    read: 100_000,
    left: [],
    error: 'This style was removed in the meantime.',
  });
});

test('sharing can be undone, and a shorter version leaves no chunk of the longer one', () => {
  const seen = sandbox.run(async (world) => {
    await world.open();
    await world.call('putStyle', { ...world.style('a', 200_000), place: 'document' });
    await world.call('putStyle', { ...world.style('a', 70_000, { thumbnail: null }), place: 'document' });
    const short = Object.keys(world.node('0:0').pluginData).sort();
    world.file.history.undo();
    const long = (await world.call('readStyle', { id: 'a' })).file.length;
    world.file.history.undo();
    return { short, long, none: (await world.call('listStyles', {})).styles };
  });
  expect(seen).toEqual({ short: ['file:0:a', 'file:1:a', 'style:a'], long: 200_000, none: [] });
});

test('a style too large for a document is refused; one that lost a chunk is not read', () => {
  const seen = sandbox.run(async (world) => {
    await world.open();
    const huge = world.style('a', 1, { name: 'Huge' });
    const refused = await world.refusal('putStyle', { ...huge, file: new Uint8Array(8_000_001), place: 'document' });
    await world.call('putStyle', { ...world.style('b', 200_000), place: 'document' });
    const { pluginData } = world.node('0:0');
    const { 'file:1:b': _, ...rest } = pluginData;
    world.file.scene.patch('0:0', { pluginData: rest });
    return [refused, await world.refusal('readStyle', { id: 'b' })];
  });
  expect(seen).toEqual([
    {
      name: 'QuotaError',
      message: '“Huge” is 8.0 MB; a document keeps styles of up to 8 MB. Export it as a file instead.',
    },
    { name: 'InputError', message: expect.stringMatching(/^This style is neither/) },
  ]);
});

test('what a document says of a style is not believed: sizes, chunks and ids are checked before anything is allocated', () => {
  const seen = sandbox.run(async (world) => {
    await world.open();
    await world.call('putStyle', { ...world.style('a', 100), place: 'document' });
    const honest = world.node('0:0').pluginData;
    const { entry, thumbnailBytes } = JSON.parse(honest['style:a']!) as {
      entry: Record<string, unknown>;
      thumbnailBytes: number;
    };
    const told = async (key: string, header: object, more: Record<string, string> = {}) => {
      world.file.scene.patch('0:0', { pluginData: { ...honest, [key]: JSON.stringify(header), ...more } });
      return (await world.call('listStyles', {})).styles.map(({ id, bytes, thumbnail }) => [
        id,
        bytes,
        thumbnail?.length,
      ]);
    };
    return {
      honest: await told('style:a', { entry, thumbnailBytes }),
      hugeThumbnail: await told('style:a', { entry, thumbnailBytes: 2e9 }),
      // Within the limit, but the first chunk is not of that length.
      longThumbnail: await told('style:a', { entry, thumbnailBytes: 7e6 }),
      hugeFile: await told('style:a', { entry: { ...entry, bytes: 9e15 }, thumbnailBytes }),
      notBase64: await told('style:a', { entry, thumbnailBytes }, { 'thumbnail:0:a': '***' }),
      victim: await told('style:evil', { entry: { ...entry, name: 'Evil' }, thumbnailBytes: null }),
    };
  });
  const listed = seen.honest;
  expect(listed).toEqual([['a', 100, expect.any(Number)]]);
  expect(seen.hugeThumbnail).toEqual([]);
  expect(seen.longThumbnail).toEqual([['a', 100, null]]);
  expect(seen.hugeFile).toEqual([]);
  expect(seen.notBase64).toEqual([['a', 100, null]]);
  // The one under another style's id is not listed.
  expect(seen.victim).toEqual(listed);
});

test('what another version wrote is passed over and left alone', () => {
  const seen = sandbox.run(async (world) => {
    world.file.scene.patch('0:0', { pluginData: { 'style:x': '{"entry":{}}', 'style:y': '{' } });
    const { storage } = world.editor;
    await storage.setAsync('style:z', { entry: { id: 'z' } });
    await storage.setAsync('draft', { version: 9 });
    await storage.setAsync('settings', 'hosted');
    const { settings } = await world.open();
    const { styles } = await world.call('listStyles', {});
    const { draft } = await world.call('readDraft', {});
    return { settings, styles, draft, keys: (await storage.keysAsync()).length };
  });
  expect(seen).toEqual({ settings: { panel: 'embedded', model: 'embedded' }, styles: [], draft: null, keys: 3 });
});

test('the draft and the settings are kept for the next session', () => {
  const seen = sandbox.run(async (world) => {
    await world.open();
    const none = (await world.call('readDraft', {})).draft;
    await world.call('putDraft', { draft: world.draft(1_000_000) });
    await world.call('putSettings', { settings: { panel: 'embedded', model: 'hub:ORG/NAME' } });
    world.plugin.close();
    const { settings } = await world.open();
    const { draft } = await world.call('readDraft', {});
    await world.call('removeDraft', {});
    return {
      none,
      settings,
      draft: [draft!.name, draft!.done, draft!.checkpoint.length, world.tag(draft!.before)],
      removed: (await world.call('readDraft', {})).draft,
    };
  });
  expect(seen).toEqual({
    none: null,
    settings: { panel: 'embedded', model: 'hub:ORG/NAME' },
    draft: ['Ink', 40, 1_000_000, 'before'],
    removed: null,
  });
});

test('the results that use a style are found, here or on every page', () => {
  const seen = sandbox.run(async (world) => {
    const [here, there] = [
      world.add('RECTANGLE', { name: 'a' }),
      world.add('RECTANGLE', { name: 'b' }, world.otherPage),
    ];
    await world.open();
    await world.restyle(here);
    await world.restyle(there);
    await world.restyle(here, { styles: [{ id: 'gold', name: 'Gold', strength: 1 }] });
    const find = async (everywhere: boolean) =>
      (await world.call('findUses', { styleId: 'ink', everywhere })).uses.map(({ name, page }) => `${name} on ${page}`);
    world.plugin.close();
    await world.open();
    return [
      await find(false),
      await find(true),
      (await world.call('findUses', { styleId: 'x', everywhere: true })).uses,
    ];
  });
  expect(seen).toEqual([['a – Ink on Page 1'], ['a – Ink on Page 1', 'b – Ink on Page 2'], []]);
});
