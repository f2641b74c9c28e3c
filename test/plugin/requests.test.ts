/** One reply for every request, whatever is sent, in whatever order. */
import { Sandbox } from './support/sandbox';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.open();
});
afterEach(() => sandbox.close());

test('what is no request is refused with its id, in one line that says where it is wrong', () => {
  const seen = sandbox.run(async (world) => {
    await world.open();
    world.window.messages.length = 0;
    world.send({ type: 'request', id: 1, call: 'explode', params: {} });
    world.send({ type: 'request', id: 2, call: 'exportNode', params: { id: '1:1', size: 3 } });
    world.send({ type: 'request', id: 3, call: 'exportNode' });
    world.send({ type: 'request', id: 4, call: 'notify', params: { text: 5, error: false } });
    world.send({ type: 'reply', id: 5 });
    world.send({ type: 'request', id: 6, call: 'listStyles', params: { all: true } });
    await world.settle();
    return world.window.messages.map((message) =>
      message.type === 'reply' && !message.ok ? [message.id, message.error] : message,
    );
  });
  const refused = (where: string) => ({
    name: 'Error',
    message: expect.stringMatching(
      new RegExp(`^The panel sent a message the plugin does not know: ${where}: [^\n]+$`),
    ) as string,
  });
  expect(seen).toEqual([
    [1, refused('call')],
    [2, refused('size')],
    [3, refused('params')],
    [4, refused('text')],
    [5, refused('type')],
    [6, refused('all')],
  ]);
});

test('what has no id gets no reply and does no harm', () => {
  const seen = sandbox.run(async (world) => {
    await world.open();
    world.window.messages.length = 0;
    for (const message of [null, 7, 'hello', [], {}, { id: 'x' }, { id: -1 }, { id: 0.5, type: 'request' }]) {
      world.send(message);
    }
    await world.settle();
    const complaints = world.reports.splice(0);
    const replies = [...world.window.messages];
    return { replies, complaints, alive: (await world.call('listStyles', {})).styles };
  });
  expect(seen.replies).toEqual([]);
  expect(seen.complaints).toHaveLength(8);
  expect(seen.complaints.every((line) => line.startsWith('Diptych: The panel sent a message'))).toBe(true);
  expect(seen.alive).toEqual([]);
});

test('changes of one layer are made in the order they were sent', () => {
  const seen = sandbox.run(async (world) => {
    const source = world.add('RECTANGLE');
    await world.open();
    const id = await world.restyle(source);
    const parameters = world.parameters({ sourceId: source });
    const updates = [1, 2, 3, 4, 5].map((n) => {
      // Taking a new original takes longer, for the source has to be found.
      const original = n === 4 ? { original: world.png(4, 4, 'o4') } : {};
      return world.call('updateResult', {
        id,
        styled: world.png(4, 4, `p${n}`),
        ...original,
        parameters,
        final: n === 5,
      });
    });
    await Promise.all(updates);
    return world.pictures(id);
  });
  expect(seen).toEqual(['-o4', 'p5']);
});

test('two hundred layers, half of them deleted meanwhile: each gets its reply, and nothing is left over', () => {
  const seen = sandbox.run(async (world) => {
    const ids = Array.from({ length: 200 }, (_, i) => world.add('RECTANGLE', { name: `${i}`, at: [i * 110, 0] }));
    await world.open();
    const outcomes = ids.map(async (sourceId, i) => {
      try {
        const { png } = await world.call('exportNode', { id: sourceId, size: 'full' });
        if (i % 2) world.file.scene.remove(sourceId);
        const parameters = world.parameters({ sourceId });
        await world.call('insertResult', { sourceId, original: png, styled: png, parameters });
        return 'done';
      } catch (error) {
        return (error as { name: string }).name;
      }
    });
    const names = await Promise.all(outcomes);
    return {
      done: names.filter((name) => name === 'done').length,
      gone: names.filter((name) => name === 'NodeGoneError').length,
      layers: world.names(world.page).length,
      timers: world.waitingTimers,
    };
  });
  expect(seen).toEqual({ done: 100, gone: 100, layers: 200, timers: 0 });
});

test('a request that fails does not hold up the ones after it', () => {
  const seen = sandbox.run(async (world) => {
    const source = world.add('RECTANGLE');
    await world.open();
    const [failed, made] = await Promise.all([
      world.refusal('insertResult', {
        sourceId: '9:99',
        original: world.png(1, 1),
        styled: world.png(1, 1),
        parameters: world.parameters(),
      }),
      world.restyle(source),
    ]);
    return [failed.name, world.pictures(made)];
  });
  expect(seen).toEqual(['NodeGoneError', ['-original', 'styled']]);
});
