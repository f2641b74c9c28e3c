/** Which frames of a page or a file match, and what the document keeps of those that are still to be restyled. */
import { Sandbox } from './support/sandbox';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.open();
});
afterEach(() => sandbox.close());

const FILL = [{ type: 'SOLID', color: { r: 0, g: 0, b: 0 } }] as const;

/** A file of two pages with sections, nested frames, a component with instances, a result and a hidden frame. */
function drawFile(): void {
  sandbox.run(async (world, fill) => {
    const fills = [...fill] as never;
    const icons = world.add('SECTION', { name: 'Icons', width: 500, height: 500 });
    world.add('FRAME', { name: 'icon/koala', fills }, icons);
    world.add('FRAME', { name: 'icon/robot', fills, visible: false }, icons);
    const screen = world.add('FRAME', { name: 'Home', fills, width: 400, height: 400 });
    const nested = world.add('FRAME', { name: 'Icon/cactus', fills }, screen);
    world.add('FRAME', { name: 'icon/inside another icon', fills, width: 10, height: 10 }, nested);
    const button = world.add('COMPONENT', { name: 'Button', fills });
    world.add('INSTANCE', { name: 'OK', fills, mainComponent: button }, screen);
    world.add('RECTANGLE', { name: 'icon/no frame' });
    world.add('INSTANCE', { name: 'Cancel', fills, mainComponent: button }, world.otherPage);
    world.add('FRAME', { name: 'Elsewhere', fills }, world.otherPage);
    world.file.history.commit();
    await world.open();
    await world.restyle(screen);
  }, FILL);
}

interface Filter {
  where?: 'page' | 'file';
  name?: string;
  component?: string;
  section?: string;
}

function find(filter: Filter): { names: string[]; pages: number; barred: number } {
  return sandbox.run(async (world, given) => {
    const all = { where: 'page', name: '', component: '', section: '', ...given } as const;
    const { frames, pages, barred } = await world.call('findFrames', all);
    return { names: frames.map(({ name }) => name), pages, barred };
  }, filter);
}

test('by nothing, name, component and section; on a page and in the whole file', () => {
  drawFile();
  expect(find({})).toEqual({ names: ['icon/koala', 'Home', 'Button'], pages: 1, barred: 1 });
  expect(find({ where: 'file' })).toEqual({
    names: ['icon/koala', 'Home', 'Button', 'Cancel', 'Elsewhere'],
    pages: 2,
    barred: 1,
  });
  // The outermost of each, whatever its letters' case; without a star any part of a name counts.
  expect(find({ name: 'icon/*' })).toEqual({ names: ['icon/koala', 'Icon/cactus'], pages: 1, barred: 1 });
  expect(find({ name: 'koala' }).names).toEqual(['icon/koala']);
  expect(find({ name: 'koala*' }).names).toEqual([]);
  expect(find({ name: '(.' }).names).toEqual([]);
  expect(find({ component: 'button', where: 'file' }).names).toEqual(['OK', 'Button', 'Cancel']);
  expect(find({ section: 'icons' })).toEqual({ names: ['icon/koala'], pages: 1, barred: 1 });
  expect(find({ name: 'icon*', section: 'Other', where: 'file' })).toEqual({ names: [], pages: 0, barred: 0 });
});

test('what is left and what failed lie in the document, without layers that were deleted, for the next start', () => {
  drawFile();
  const seen = sandbox.run(async (world) => {
    const { frames } = await world.call('findFrames', { where: 'file', name: '', component: '', section: '' });
    const { styles, prompt, guide, steps, seed } = world.parameters();
    await world.call('putBatch', { recipe: { styles, prompt, guide, steps, seed }, ids: frames.map(({ id }) => id) });
    const before = (await world.call('readBatch', {})).batch!;
    const { startedAt } = before;
    const mark = (done: number, place: number, failure: string | null) =>
      world.call('markBatch', { startedAt, done, id: frames[place]!.id, failure });
    await mark(1, 0, 'The device was lost');
    await mark(2, 1, null);
    // One that comes late takes nothing back.
    await mark(1, 0, 'The device was lost again');
    // Of a batch that is kept no more.
    const past = { startedAt: '2020-01-01T00:00:00Z', done: 5, id: frames[2]!.id, failure: null };
    await world.call('markBatch', past);
    world.file.scene.remove(frames[3]!.id);
    const other = world.another('someone else');
    await other.open();
    const later = (await other.call('readBatch', {})).batch!;
    for (const place of [2, 4]) await mark(place + 1, place, null);
    const onlyFailed = (await other.call('readBatch', {})).batch!;
    await mark(0, 0, null);
    const over = (await other.call('readBatch', {})).batch;
    await mark(0, 1, 'It failed as well');
    await other.call('removeBatch', {});
    const none = (await world.call('readBatch', {})).batch;
    // Another window's mark brings nothing back.
    await mark(3, 2, 'Too late');
    const root = world.file.scene.get('0:0').pluginData;
    return { before, later, onlyFailed, over, none, keys: Object.keys(root), styles };
  });
  expect(seen.before).toMatchObject({ all: 5, done: 0, recipe: { styles: seen.styles, seed: 3 } });
  expect(seen.before.left.map(({ name }) => name)).toEqual(['icon/koala', 'Home', 'Button', 'Cancel', 'Elsewhere']);
  expect(seen.later).toMatchObject({ all: 5, done: 2, startedAt: seen.before.startedAt });
  expect(seen.later.left.map(({ name, index }) => [name, index])).toEqual([
    ['Button', 2],
    ['Elsewhere', 4],
  ]);
  const koala = { name: 'icon/koala', reason: 'The device was lost again' };
  expect(seen.later.failed).toMatchObject([koala]);
  expect(seen.onlyFailed).toMatchObject({ left: [], failed: [koala] });
  expect([seen.over, seen.none, seen.keys]).toEqual([null, null, []]);
});

test('ten thousand ids are kept in entries that Figma takes', () => {
  const left = sandbox.run(async (world) => {
    const id = world.add('FRAME', { name: 'f', fills: [{ type: 'SOLID', color: { r: 0, g: 0, b: 0 } }] as never });
    await world.open();
    const { styles, prompt, guide, steps, seed } = world.parameters();
    const ids = Array.from({ length: 10_000 }, (_, i) => (i === 9_999 ? id : `I1234:${i};5678:${i}`));
    await world.call('putBatch', { recipe: { styles, prompt, guide, steps, seed }, ids });
    const read = (await world.call('readBatch', {})).batch!;
    await world.call('removeBatch', {});
    return { names: read.left.map(({ name }) => name), all: read.all };
  });
  expect(left).toEqual({ names: ['f'], all: 10_000 });
});
