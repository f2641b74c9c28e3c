/** Two windows of one user on one document, each with the plugin running. test/plugin/styles.test.ts has their styles. */
import { Sandbox } from './support/sandbox';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.open();
});
afterEach(() => sandbox.close());

test('both restyle the same layer and others at the same time: all results are there, each above its source', () => {
  const seen = sandbox.run(async (world) => {
    const other = world.another();
    const [apple, pear] = [world.add('RECTANGLE', { name: 'apple' }), world.add('RECTANGLE', { name: 'pear' })];
    await world.open();
    await other.open();
    const gold = { styles: [{ id: 'gold', name: 'Gold', strength: 1 }] };
    const made = await Promise.all([
      world.restyle(apple),
      other.restyle(apple, gold),
      world.restyle(pear),
      other.restyle(pear, gold),
    ]);
    return { layers: world.names(world.page), pictures: made.map((id) => world.pictures(id)) };
  });
  const { layers } = seen;
  expect(layers.filter((name) => !name.includes('–'))).toEqual(['apple', 'pear']);
  expect(layers.slice(1, 3).sort()).toEqual(['apple – Gold', 'apple – Ink']);
  expect(layers.slice(4).sort()).toEqual(['pear – Gold', 'pear – Ink']);
  expect(seen.pictures).toEqual(Array(4).fill(['-original', 'styled']));
});

test('of one result that both tune the last change stays, and one that the other deleted says so', () => {
  const seen = sandbox.run(async (world) => {
    const other = world.another();
    const apple = world.add('RECTANGLE', { name: 'apple' });
    await world.open();
    await other.open();
    const id = await world.restyle(apple);
    const tune = (w: typeof world, tag: string, strength: number) =>
      w.call('updateResult', {
        ...{ id, final: true, styled: w.png(8, 8, tag) },
        parameters: w.parameters({ sourceId: apple, styles: [{ id: 'ink', name: 'Ink', strength }] }),
      });
    await Promise.all([tune(world, 'one', 0.2), tune(other, 'two', 0.4)]);
    const { parameters } = await world.call('openResult', { id });
    const pictures = world.pictures(id);
    const names = world.names(world.page);
    other.file.scene.remove(id);
    const gone = (await world.refusal('openResult', { id })).name;
    return { strength: parameters.styles[0]!.strength, pictures, names, gone };
  });
  expect(seen).toEqual({
    strength: 0.4,
    pictures: ['-original', 'two'],
    names: ['apple', 'apple – Ink'],
    gone: 'NodeGoneError',
  });
});

test('there is one draft, of the window that saved last; closing a window takes nothing from the other', () => {
  const seen = sandbox.run(async (world) => {
    const other = world.another();
    await world.open();
    await other.open();
    const put = (w: typeof world, name: string) => w.call('putDraft', { draft: { ...w.draft(1000), name } });
    const name = async (w: typeof world) => (await w.call('readDraft', {})).draft?.name;
    await put(world, 'Ink');
    await put(other, 'Gold');
    const both = [await name(world), await name(other)];
    world.plugin.close();
    const left = await name(other);
    const apple = other.add('RECTANGLE', { name: 'apple' });
    await other.restyle(apple);
    return { both, left, names: other.names(other.page) };
  });
  expect(seen).toEqual({ both: ['Gold', 'Gold'], left: 'Gold', names: ['apple', 'apple – Ink'] });
});
