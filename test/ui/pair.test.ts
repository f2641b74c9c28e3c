import type { PairVerdict } from '../../engine/requests';
import { gate, openDesk, until, type Desk } from './desk';
import { GOOD_PAIR } from './fake-engine';
import { node } from './fake-sandbox';

const before = node('a', 'bear / before');
const after = node('b', 'bear / ink', { x: 200 });
const third = node('c', 'robot', { x: 400, height: 40 });

async function pairDesk(...nodes: (typeof before)[]): Promise<Desk> {
  const desk = await openDesk({
    nodes,
    prepare: ({ sandbox }) => {
      for (const id of ['a', 'b', 'c']) sandbox.layers.set(id, new Uint8Array([id.charCodeAt(0)]));
    },
  });
  return desk;
}

const checked = (desk: Desk): Promise<void> =>
  until(
    () => desk.app.pair.check.value.at === 'known',
    () => desk.app.pair.check.value,
  );

test.each([
  [[], /^Select two layers/],
  [[before], /“bear \/ before” is selected\. Hold Shift/],
  [[before, after, third, node('d')], /^4 layers are selected\. Select two/],
  [[before, node('b', 'notes', { obstacle: 'It is hidden.' })], /^“notes” cannot be learned from\. It is hidden\./],
])('says what to select', async (nodes, advice) => {
  const { app } = await pairDesk(...nodes);
  expect(app.pair.roles.value).toBeNull();
  expect(app.pair.advice.value).toMatch(advice);
  expect(app.pair.canLearn.value).toBe(false);
});

test('two layers become a pair with pictures, verdict and words', async () => {
  const desk = await pairDesk(after, before);
  const { pair } = desk.app;
  expect(pair.canLearn.value).toBe(false);
  await checked(desk);
  expect(pair.roles.value).toMatchObject({ before: { id: 'a' }, after: { id: 'b' }, sample: null });
  expect([...pair.pictures.value.keys()].sort()).toEqual(['a', 'b']);
  expect(pair.check.value).toEqual({ at: 'known', verdict: GOOD_PAIR });
  expect([pair.prompt.value, pair.styleName.value]).toEqual(['bear', 'Ink']);
  expect(pair.canLearn.value).toBe(true);
  pair.editStyleName(' ');
  expect(pair.canLearn.value).toBe(false);
});

test('swapping turns the pair round and looks again; what was typed stays', async () => {
  const desk = await pairDesk(before, after);
  await checked(desk);
  desk.app.pair.editCaption('a bear');
  desk.app.pair.swap();
  expect(desk.app.pair.check.value.at).toBe('checking');
  await checked(desk);
  expect(desk.app.pair.roles.value).toMatchObject({ before: { id: 'b' }, after: { id: 'a' } });
  expect(desk.app.pair.prompt.value).toBe('a bear');
});

test('what was typed survives a slip of the selection, and goes with another pair', async () => {
  const desk = await pairDesk(before, after);
  desk.app.pair.editStyleName('Brush');
  desk.select(before);
  desk.select(before, after);
  expect(desk.app.pair.styleName.value).toBe('Brush');
  desk.select(before, third);
  expect(desk.app.pair.styleName.value).not.toBe('Brush');
});

test('three layers: the third becomes the live sample when the user agrees', async () => {
  const desk = await pairDesk(third, after, before);
  const { pair } = desk.app;
  expect(pair.advice.value).toMatch(/^Three layers/);
  pair.takeOffer();
  await checked(desk);
  expect(pair.roles.value).toMatchObject({ before: { id: 'a' }, after: { id: 'b' }, sample: { id: 'c' } });
  expect(pair.pictures.value.size).toBe(3);
});

test('renaming or moving a layer of the pair does not look again, resizing does', async () => {
  const desk = await pairDesk(before, after);
  await checked(desk);
  const looks = (): number => desk.sandbox.calls('exportNode').length;
  const first = looks();
  desk.select({ ...before, name: 'teddy', y: 7 }, after);
  expect(desk.app.pair.roles.value?.before.name).toBe('teddy');
  expect(looks()).toBe(first);
  desk.select({ ...before, width: 50 }, after);
  expect(desk.app.pair.check.value.at).toBe('checking');
});

test('the verdict of a pair that is no longer selected is dropped', async () => {
  const desk = await pairDesk();
  const slow = gate();
  const bad: PairVerdict = { ...GOOD_PAIR, usable: false, problems: ['unrelated'], verdict: 'old' };
  desk.engine.check = async () => {
    await slow.passed;
    return bad;
  };
  desk.select(before, after);
  await until(() => desk.sandbox.calls('exportNode').length === 2);
  desk.engine.check = async () => GOOD_PAIR;
  desk.select(after, third);
  await checked(desk);
  slow.open();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(desk.app.pair.check.value).toMatchObject({ verdict: { usable: true } });
});

test.each([
  ['unrelated', true],
  ['scaled', true],
  ['identical', false],
  ['size', false],
  ['blank', false],
] as const)('a pair found %s can be learned from all the same: %s', async (problem, can) => {
  const desk = await pairDesk();
  desk.engine.verdict = { ...GOOD_PAIR, usable: false, problems: [problem] };
  desk.select(before, after);
  await checked(desk);
  expect(desk.app.pair.canLearn.value).toBe(can);
});

test('layers are drawn only while a pair is being chosen', async () => {
  const desk = await pairDesk();
  desk.app.show('restyle');
  desk.select(before, after);
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(desk.sandbox.calls('exportNode')).toHaveLength(0);
  expect(desk.app.pair.roles.value).toMatchObject({ before: { id: 'a' } });
  desk.app.show('learn');
  await checked(desk);
  expect(desk.sandbox.calls('exportNode')).toHaveLength(2);
});

test('a layer that cannot be drawn is said, and can be tried again', async () => {
  const desk = await pairDesk();
  desk.sandbox.layers.delete('b');
  desk.select(before, after);
  await until(() => desk.app.pair.check.value.at === 'failed');
  expect(desk.app.pair.check.value).toMatchObject({ message: 'The layer was deleted' });
  desk.sandbox.layers.set('b', new Uint8Array([9]));
  desk.app.pair.recheck();
  await checked(desk);
});

test('a thousand changes of the selection end with the last, and hold no more pictures', async () => {
  const desk = await pairDesk();
  for (let i = 0; i < 1000; i++) desk.select(...[[before, after], [after], [], [before, third]][i % 4]!);
  await until(() => desk.app.pair.check.value.at === 'known');
  expect(desk.app.pair.roles.value).toMatchObject({ before: { id: 'a' }, after: { id: 'c' } });
  expect([...desk.app.pair.pictures.value.keys()].sort()).toEqual(['a', 'c']);
});

describe('what the pair makes of a picture, with nothing learned', () => {
  const shown = (desk: Desk): Promise<void> => until(() => desk.app.pair.preview.state.value.at === 'shown');

  test('of the third layer, else of its own before image; the engine is started when the first layer is selected', async () => {
    const desk = await pairDesk();
    expect(desk.engine.prepared).toBe(0);
    desk.select(before);
    expect(desk.engine.prepared).toBeGreaterThan(0);
    desk.select(before, after);
    await shown(desk);
    expect(desk.engine.shown).toHaveLength(1);
    expect(desk.app.pair.preview.state.value).toEqual({ at: 'shown', picture: new Uint8Array([97, 98]) });
    desk.select(third, after, before);
    expect(desk.app.pair.preview.state.value).toEqual({ at: 'none' });
    desk.app.pair.takeOffer();
    await shown(desk);
    expect(desk.app.pair.preview.state.value).toEqual({ at: 'shown', picture: new Uint8Array([99, 98]) });
  });

  test('that of a pair which is no longer selected never comes', async () => {
    const desk = await pairDesk();
    const slow = gate();
    desk.engine.onShow = () => slow.passed;
    desk.select(before, after);
    await until(() => desk.engine.shown.length === 1);
    desk.engine.onShow = undefined;
    desk.select(after, third);
    await shown(desk);
    const now = desk.app.pair.preview.state.value;
    slow.open();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(desk.app.pair.preview.state.value).toBe(now);
  });

  test('there is none of two pictures that are no pair, and one that fails is no obstacle to learning', async () => {
    const desk = await pairDesk();
    desk.engine.verdict = { ...GOOD_PAIR, usable: false, problems: ['identical'] };
    desk.select(before, after);
    await checked(desk);
    expect(desk.app.pair.preview.state.value).toEqual({ at: 'none' });
    desk.engine.verdict = GOOD_PAIR;
    desk.engine.onShow = () => {
      throw new Error('the worker stopped');
    };
    desk.app.pair.recheck();
    await until(() => desk.app.pair.preview.state.value.at === 'failed');
    expect(desk.app.pair.preview.state.value).toEqual({ at: 'failed', message: 'The worker stopped' });
    await checked(desk);
    expect(desk.app.pair.canLearn.value).toBe(true);
  });
});
