/** What the panel hears of the selection. */
import type { PageNode } from '@figma/plugin-typings/plugin-api-standalone';
import { Sandbox } from './support/sandbox';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.open();
});
afterEach(() => sandbox.close());

test('hello tells what is selected', () => {
  const seen = sandbox.run(async (world) => {
    const id = world.add('TEXT', { name: 'x'.repeat(1000), at: [10, 20], width: 30, height: 40 });
    world.editor.select([id]);
    const { selection } = await world.open();
    return { selection, id, page: world.page };
  });
  expect(seen.selection).toEqual({
    page: { id: seen.page, name: 'Page 1' },
    nodes: [
      {
        id: seen.id,
        name: 'x'.repeat(300),
        type: 'TEXT',
        x: 10,
        y: 20,
        width: 30,
        height: 40,
        obstacle: null,
        result: null,
      },
    ],
  });
});

test('a thousand changes come as a few events, the last of which is right, and nothing grows', () => {
  const change = () =>
    sandbox.run(async (world) => {
      const [a, b] = world.node(world.page).children as [string, string];
      world.window.messages.length = 0;
      for (let i = 0; i < 1000; i++) {
        world.editor.select(i % 2 ? [a] : [a, b]);
        if (i % 50 === 0) await world.advance(5);
      }
      world.editor.select([b]);
      await world.advance(100);
      const events = world.events().length;
      const last = world.events().pop();
      world.window.messages.length = 0;
      return { events, last: last?.type === 'event' && last.detail, b, timers: world.waitingTimers };
    });
  sandbox.run(async (world) => {
    world.add('RECTANGLE');
    world.add('RECTANGLE');
    await world.open();
  });
  const first = change();
  expect(first.events).toBeGreaterThan(0);
  expect(first.events).toBeLessThan(5);
  expect(first.last).toMatchObject({ nodes: [{ id: first.b }] });
  change();
  const before = sandbox.memory();
  for (let round = 0; round < 3; round++) expect(change().timers).toBe(0);
  expect(sandbox.memory() - before).toBeLessThan(20_000);
});

test('changes of the selected layers are told, those of others are not', () => {
  const seen = sandbox.run(async (world) => {
    const [a, b] = [world.add('RECTANGLE', { name: 'a' }), world.add('RECTANGLE', { name: 'b' })];
    world.editor.select([a]);
    await world.open();
    const tell = async (change: () => void) => {
      world.window.messages.length = 0;
      change();
      await world.advance(100);
      return world.events().map((event) => {
        const [node] = event.type === 'event' && 'nodes' in event.detail ? event.detail.nodes : [];
        return node && [node.name, node.obstacle];
      });
    };
    return {
      renamed: await tell(() => world.file.scene.patch(a, { name: 'A' })),
      hidden: await tell(() => world.file.scene.patch(a, { visible: false })),
      opacity: await tell(() => world.file.scene.patch(a, { opacity: 0.5 })),
      other: await tell(() => world.file.scene.patch(b, { name: 'B' })),
      deleted: await tell(() => world.file.scene.remove(a)),
    };
  });
  expect(seen).toEqual({
    renamed: [['A', null]],
    hidden: [['A', 'This layer is hidden. Show it first.']],
    opacity: [],
    other: [],
    deleted: [null],
  });
});

test.each([0, 100])('undoing a change of a selected result %d ms later is told, with what holds again', (pause) => {
  const seen = sandbox.run(async (world, wait) => {
    const source = world.add('RECTANGLE');
    await world.open();
    const id = await world.restyle(source);
    world.editor.select([id]);
    await world.advance(100);
    const parameters = world.parameters({ seed: 99 });
    await world.call('updateResult', { id, styled: world.png(8, 8), parameters, final: true });
    await world.advance(wait);
    world.file.history.undo();
    await world.advance(100);
    return world
      .events()
      .map((event) => event.type === 'event' && 'nodes' in event.detail && event.detail.nodes[0]?.result?.seed);
  }, pause);
  expect(seen).toEqual([3, 99, 3]);
});

test('on another page, that page and its layers count', () => {
  const seen = sandbox.run(async (world) => {
    const there = world.add('RECTANGLE', { name: 'there' }, world.otherPage);
    world.editor.select([world.add('RECTANGLE', { name: 'here' })]);
    await world.open();
    world.editor.showPage(world.otherPage);
    await world.advance(100);
    world.editor.select([there]);
    await world.advance(100);
    world.file.scene.patch(there, { name: 'There' });
    await world.advance(100);
    return world
      .events()
      .map((event) =>
        event.type === 'event' && 'nodes' in event.detail
          ? [event.detail.page.name, event.detail.nodes.map(({ name }) => name)]
          : null,
      );
  });
  expect(seen).toEqual([
    ['Page 2', []],
    ['Page 2', ['there']],
    ['Page 2', ['There']],
  ]);
});

test('only the page that is shown is listened to', () => {
  const seen = sandbox.run(async (world) => {
    world.load('open');
    const listeners: string[] = [];
    let kind = world.plugin.figma.currentPage as object;
    while (!Object.prototype.hasOwnProperty.call(kind, 'on')) kind = Object.getPrototypeOf(kind) as object;
    const { on, off } = kind as PageNode;
    Object.assign(kind, {
      on(this: PageNode, ...args: Parameters<PageNode['on']>) {
        listeners.push(this.name);
        on.apply(this, args);
      },
      off(this: PageNode, ...args: Parameters<PageNode['off']>) {
        if (listeners.includes(this.name)) listeners.splice(listeners.indexOf(this.name), 1);
        off.apply(this, args);
      },
    });
    for (const page of [world.otherPage, world.page, world.otherPage]) {
      world.editor.showPage(page);
      await world.settle();
    }
    return listeners;
  });
  expect(seen).toEqual(['Page 2']);
});

test('revealing selects and shows layers, on their page; what is gone is passed over', () => {
  const seen = sandbox.run(async (world) => {
    const there = world.add('RECTANGLE', { at: [1000, 1000] }, world.otherPage);
    const here = world.add('RECTANGLE');
    await world.open();
    await world.call('reveal', { ids: ['9:99', there, here] });
    const { pageId, selection, view } = world.editor;
    world.file.scene.remove(there);
    const error = await world.refusal('reveal', { ids: [there, '9:99'] });
    return {
      page: pageId === world.otherPage,
      selection: selection.join() === there,
      center: view.center,
      error: error.name,
    };
  });
  expect(seen).toEqual({ page: true, selection: true, center: { x: 1050, y: 1050 }, error: 'NodeGoneError' });
});
