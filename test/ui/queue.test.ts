import { InputError } from '../../engine/errors';
import type { NodeSummary, ResultParameters } from '../../common/messages';
import type { RestyleSettings } from '../../ui/state/restyle-settings';
import { gate, openDesk, until, type Desk } from './desk';
import { MODEL, pictureOf } from './fake-engine';
import { node } from './fake-sandbox';

const ink = { id: 'ink', name: 'Ink', strength: 1 };
const neon = { id: 'neon', name: 'Neon', strength: 0.5 };
const recipe = (...styles: (typeof ink)[]): RestyleSettings => ({
  styles,
  prompt: '',
  guide: 'style',
  steps: 20,
  seed: 0,
});

async function queueDesk(count: number): Promise<Desk & { nodes: NodeSummary[] }> {
  const nodes = Array.from({ length: count }, (_, i) => node(`n${i}`));
  const desk = await openDesk({
    prepare: ({ sandbox }) => {
      sandbox.addStyle('ink', 'Ink');
      sandbox.addStyle('neon', 'Neon');
      nodes.forEach(({ id }, i) => sandbox.layers.set(id, new Uint8Array([i % 256])));
    },
  });
  return { ...desk, nodes };
}

const over = ({ app }: Desk): Promise<void> =>
  until(
    () => app.queue.count.value.left === 0,
    () => states(app),
  );
const states = (app: Desk['app']): string[] => app.queue.items.value.map(({ state }) => state.value.at);

test('each layer gets a result with its original and how it was made', async () => {
  const desk = await queueDesk(2);
  desk.app.queue.add(desk.nodes, recipe(ink, neon));
  await over(desk);
  expect(desk.app.queue.count.value).toEqual({ all: 2, left: 0, done: 2, failed: 0, cancelled: 0 });
  const [first, second] = [...desk.sandbox.results.values()];
  expect(first).toEqual({
    original: new Uint8Array([0]),
    styled: pictureOf(new Uint8Array([0]), [1, 0.5]),
    parameters: {
      ...{ version: 1, kind: 'restyled', styles: [ink, neon], prompt: '', guide: 'style', steps: 20, seed: 0 },
      ...{ sourceId: 'n0', model: { name: MODEL.model, fingerprint: MODEL.fingerprint } },
    },
  });
  expect(second!.parameters.sourceId).toBe('n1');
  expect(desk.sandbox.calls('notify')).toEqual([{ text: '2 layers restyled', error: false }]);
});

test('strength 0 gives the original bytes, without the engine', async () => {
  const desk = await queueDesk(1);
  desk.app.queue.add(desk.nodes, recipe({ ...ink, strength: 0 }));
  await over(desk);
  const [result] = [...desk.sandbox.results.values()];
  expect(result!.styled).toBe(result!.original);
  expect(desk.engine.restyled).toHaveLength(0);
});

test('one that fails says why, and the rest goes on', async () => {
  const desk = await queueDesk(5);
  desk.sandbox.layers.delete('n1');
  desk.engine.onRestyle = ({ picture }) => {
    if (picture[0] === 3) throw new InputError('the image is 3 px wide; use at least 8 px');
  };
  const hidden = { ...desk.nodes[4]!, obstacle: 'It is hidden.' };
  desk.app.queue.add([...desk.nodes.slice(0, 4), hidden], recipe(ink));
  await over(desk);
  expect(desk.app.queue.items.value.map(({ state }) => state.value)).toEqual([
    { at: 'done', resultId: 'result-1' },
    { at: 'failed', reason: 'The layer was deleted' },
    { at: 'done', resultId: 'result-2' },
    { at: 'failed', reason: 'The image is 3 px wide; use at least 8 px' },
    { at: 'failed', reason: 'It is hidden.' },
  ]);
  expect(desk.sandbox.calls('notify')).toEqual([{ text: '2 layers restyled, 3 not', error: true }]);
  desk.sandbox.layers.set('n1', new Uint8Array([1]));
  desk.engine.onRestyle = undefined;
  desk.app.queue.retry();
  await over(desk);
  expect(desk.app.queue.count.value).toMatchObject({ done: 5, failed: 0 });
});

test('two hundred layers, cancelled half way: what is done stays, nothing more is made', async () => {
  const desk = await queueDesk(200);
  desk.engine.onRestyle = () => {
    if (desk.engine.restyled.length === 101) desk.app.queue.cancelAll();
  };
  desk.app.queue.add(desk.nodes, recipe(ink));
  await over(desk);
  expect(desk.app.queue.count.value).toEqual({ all: 200, left: 0, done: 100, failed: 0, cancelled: 100 });
  expect(desk.sandbox.results.size).toBe(100);
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(desk.sandbox.results.size).toBe(100);
  // The queue still works.
  desk.engine.onRestyle = undefined;
  desk.app.queue.add(desk.nodes.slice(0, 1), recipe(ink));
  await over(desk);
  expect(desk.app.queue.count.value).toMatchObject({ all: 1, done: 1 });
});

test('one item can be cancelled while it waits or is worked on', async () => {
  const desk = await queueDesk(3);
  const hold = gate();
  desk.engine.onRestyle = () => hold.passed;
  desk.app.queue.add(desk.nodes, recipe(ink));
  await until(() => desk.engine.restyled.length === 1);
  const [first, second] = desk.app.queue.items.value;
  desk.app.queue.cancel(second!.id);
  desk.app.queue.cancel(first!.id);
  await until(() => desk.engine.restyled.length === 2);
  hold.open();
  await over(desk);
  expect(states(desk.app)).toEqual(['cancelled', 'cancelled', 'done']);
  expect([...desk.sandbox.results.values()].map(({ parameters }) => parameters.sourceId)).toEqual(['n2']);
  desk.app.queue.retry(first!.id);
  await over(desk);
  expect(states(desk.app)).toEqual(['done', 'cancelled', 'done']);
});

test('another style chosen meanwhile is for layers added later; the selection does not matter', async () => {
  const desk = await queueDesk(4);
  const hold = gate();
  desk.engine.onRestyle = () => hold.passed;
  desk.app.choice.only('ink');
  desk.select(desk.nodes[0]!, desk.nodes[1]!);
  desk.app.restyleSelection();
  await until(() => desk.engine.restyled.length === 1);
  desk.app.choice.only('neon', 0.7);
  desk.select(desk.nodes[2]!);
  desk.app.restyleSelection();
  desk.select();
  hold.open();
  await over(desk);
  const made = [...desk.sandbox.results.values()].map(({ parameters: { sourceId, styles } }) => [
    sourceId,
    styles.map(({ id, strength }) => `${id} ${strength}`).join(),
  ]);
  expect(made).toEqual([
    ['n0', 'ink 1'],
    ['n1', 'ink 1'],
    ['n2', 'neon 0.7'],
  ]);
});

describe('again', () => {
  const parameters: ResultParameters = {
    ...{ version: 1, kind: 'restyled', styles: [ink], prompt: 'p', guide: 'style', steps: 20, seed: 0 },
    ...{ sourceId: 'n0', model: { name: 'old', fingerprint: 'old' } },
  };

  async function again(sourceThere: boolean): Promise<Desk> {
    const desk = await queueDesk(1);
    desk.sandbox.results.set('r', { original: new Uint8Array([50]), styled: new Uint8Array([51]), parameters });
    if (!sourceThere) desk.sandbox.layers.delete('n0');
    desk.app.queue.addAgain([node('r', 'n0 – Ink', { result: parameters })]);
    await over(desk);
    return desk;
  }

  test('makes a result anew, in place, from its source as it looks now', async () => {
    const { sandbox } = await again(true);
    expect(sandbox.results.size).toBe(1);
    expect(sandbox.results.get('r')).toMatchObject({
      original: new Uint8Array([0]),
      styled: pictureOf(new Uint8Array([0]), [1]),
      parameters: { prompt: 'p', model: { fingerprint: MODEL.fingerprint } },
    });
  });

  test('from the original kept with it when the source is gone', async () => {
    const { sandbox } = await again(false);
    expect(sandbox.results.get('r')).toMatchObject({
      original: new Uint8Array([50]),
      styled: pictureOf(new Uint8Array([50]), [1]),
    });
  });
});

test('a picture that the document does not take is kept until it is placed, saved or given up', async () => {
  const desk = await queueDesk(2);
  const { queue } = desk.app;
  desk.sandbox.documentFull = true;
  queue.add(desk.nodes, recipe(ink));
  await over(desk);
  expect(states(desk.app)).toEqual(['unplaced', 'unplaced']);
  expect(queue.count.value).toMatchObject({ failed: 2, done: 0 });
  const [first, second] = queue.items.value;
  expect(first!.state.value).toMatchObject({ reason: 'This file is full.' });
  // Neither clearing the list nor a new round loses it.
  queue.clear();
  queue.add(desk.nodes.slice(0, 1), recipe({ ...ink, strength: 0 }));
  await over(desk);
  expect(states(desk.app)).toEqual(['unplaced', 'unplaced', 'unplaced']);
  queue.save(first!.id);
  expect(desk.saved).toEqual([{ name: 'n0.png', content: pictureOf(new Uint8Array([0]), [1]) }]);
  queue.dismiss(first!.id);
  expect(states(desk.app)).toEqual(['unplaced', 'unplaced']);
  // Placed again without being made again, also where the layer looks different by now.
  desk.sandbox.documentFull = false;
  desk.sandbox.layers.set('n1', new Uint8Array([77]));
  const made = desk.engine.restyled.length;
  queue.retry(second!.id);
  await over(desk);
  expect(second!.state.value.at).toBe('done');
  expect(desk.engine.restyled).toHaveLength(made);
  expect([...desk.sandbox.results.values()].map(({ styled }) => styled)).toEqual([pictureOf(new Uint8Array([1]), [1])]);
});

test('one whose placing is cancelled while it waits is not lost', async () => {
  const desk = await queueDesk(2);
  const { queue } = desk.app;
  desk.sandbox.documentFull = true;
  queue.add(desk.nodes.slice(0, 1), recipe(ink));
  await over(desk);
  const hold = gate();
  desk.engine.onRestyle = () => hold.passed;
  queue.add(desk.nodes.slice(1), recipe(ink));
  await until(() => desk.engine.restyled.length === 2);
  const [first] = queue.items.value;
  queue.retry(first!.id);
  queue.cancel(first!.id);
  expect(first!.state.value.at).toBe('unplaced');
  hold.open();
  await over(desk);
  expect(first!.state.value).toMatchObject({ at: 'unplaced', styled: pictureOf(new Uint8Array([0]), [1]) });
});

test('cancelled while its result is placed, an item is what the document says: done', async () => {
  const desk = await queueDesk(2);
  const { queue } = desk.app;
  const insert = desk.sandbox.results.set.bind(desk.sandbox.results);
  desk.sandbox.results.set = (...entry) => {
    queue.cancelAll();
    queue.cancel(queue.items.value[0]!.id);
    return insert(...entry);
  };
  queue.add(desk.nodes, recipe(ink));
  await over(desk);
  expect(states(desk.app)).toEqual(['done', 'cancelled']);
  expect(desk.sandbox.results.size).toBe(1);
});

test('cancelled, put back in line and cancelled again, in any order, nothing is made twice', async () => {
  const desk = await queueDesk(4);
  const { queue } = desk.app;
  const hold = gate();
  desk.engine.onRestyle = () => hold.passed;
  queue.add(desk.nodes, recipe(ink));
  await until(() => desk.engine.restyled.length === 1);
  const ids = queue.items.value.map(({ id }) => id);
  for (const i of [3, 1, 3]) queue.cancel(ids[i]!);
  queue.retry(ids[3]!);
  queue.retry(ids[3]!);
  queue.cancel(ids[2]!);
  queue.cancel(ids[0]!);
  queue.retry(ids[0]!);
  hold.open();
  await over(desk);
  expect(states(desk.app)).toEqual(['cancelled', 'cancelled', 'cancelled', 'done']);
  expect([...desk.sandbox.results.values()].map(({ parameters }) => parameters.sourceId)).toEqual(['n3']);
});
