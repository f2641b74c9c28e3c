/** Restyling a page or a whole file: the count before the start, what the document keeps, and going on. */
import { gate, openDesk, until, type Desk } from './desk';

const PATIENT = { ...{ where: 'page', name: '', component: '', section: '' } } as const;

/** A panel on a file of so many frames, one style chosen. */
function framesDesk(count: number, more: (desk: Pick<Desk, 'sandbox' | 'engine'>) => void = () => undefined) {
  return openDesk({
    prepare: (parts) => {
      parts.sandbox.addStyle('ink', 'Ink');
      for (let i = 0; i < count; i++) {
        parts.sandbox.frames.set(`f${i}`, `${i % 2 ? 'icon' : 'screen'}/${i}`);
        parts.sandbox.layers.set(`f${i}`, new Uint8Array([i]));
      }
      more(parts);
    },
  });
}

const rest = ({ app }: Desk): Promise<void> =>
  until(
    () => app.queue.count.value.all > 0 && app.queue.count.value.left === 0,
    () => app.queue.count.value,
  );
const sources = ({ sandbox }: Desk): (string | null)[] =>
  [...sandbox.results.values()].map(({ parameters }) => parameters.sourceId);
const found = async ({ app }: Desk): Promise<number> => {
  await until(() => app.frames.search.value.at === 'found');
  const search = app.frames.search.value;
  return search.at === 'found' ? search.found.frames.length : -1;
};

test('frames are counted when asked for and when the filter changes; then all of them go through the queue', async () => {
  const desk = await framesDesk(6);
  const { app, sandbox } = desk;
  expect(sandbox.filters).toEqual([]);
  app.restyleFrames();
  expect(app.queue.count.value.all).toBe(0);
  await app.frames.open();
  expect([await found(desk), sandbox.filters]).toEqual([6, [PATIENT]]);
  for (const name of ['i', 'ic', 'icon']) app.frames.change({ name });
  expect(await found(desk)).toBe(3);
  // What was typed in one go is looked for once.
  expect(sandbox.filters).toEqual([PATIENT, { ...PATIENT, name: 'icon' }]);
  app.restyleFrames();
  await rest(desk);
  expect(sources(desk)).toEqual(['f1', 'f3', 'f5']);
  await until(() => sandbox.batch === null);
  expect(sandbox.calls('putBatch')).toEqual([
    { recipe: expect.objectContaining({ seed: 0 }), ids: ['f1', 'f3', 'f5'] },
  ]);
  expect(sandbox.calls('markBatch')).toEqual([{ done: 1 }, { done: 2 }, { done: 3 }]);
  expect(app.frames.unfinished.value).toBeNull();
});

test('closed in the middle, the panel offers to go on, with the styles and settings of then', async () => {
  const hold = gate();
  const first = await framesDesk(5, ({ engine }) => {
    engine.onRestyle = () => (engine.restyled.length > 2 ? hold.passed : undefined);
  });
  await first.app.frames.open();
  await found(first);
  first.app.choice.only('ink', 0.7);
  first.app.restyleFrames();
  await until(() => first.engine.restyled.length === 3);
  const kept = structuredClone(first.sandbox.batch);
  expect(kept).toMatchObject({ all: 5, done: 2 });

  const second = await framesDesk(5, ({ sandbox }) => (sandbox.batch = kept));
  expect(second.app.frames.unfinished.value).toMatchObject({
    all: 5,
    left: [{ id: 'f2' }, { id: 'f3' }, { id: 'f4' }],
  });
  await second.app.frames.goOn();
  await rest(second);
  expect(sources(second)).toEqual(['f2', 'f3', 'f4']);
  expect([...second.sandbox.results.values()][0]!.parameters.styles).toEqual([
    { id: 'ink', name: 'Ink', strength: 0.7 },
  ]);
  await until(() => second.sandbox.batch === null);
  hold.open();
});

test('cancelled, the rest is offered; what failed is kept until a retry succeeds; discarded, nothing is kept', async () => {
  const desk = await framesDesk(6, ({ engine }) => {
    engine.onRestyle = ({ picture }) => {
      if (picture[0] === 1) throw new Error('the device was lost');
    };
  });
  const { app, sandbox, engine } = desk;
  await app.frames.open();
  await found(desk);
  app.restyleFrames();
  await until(() => engine.restyled.length === 4);
  app.queue.cancelAll();
  await rest(desk);
  await until(() => app.frames.unfinished.value !== null);
  expect(app.frames.unfinished.value!.left.map(({ id }) => id)).toEqual(
    ['f0', 'f1', 'f2', 'f3', 'f4', 'f5'].slice(sources(desk).length + 1),
  );
  await app.frames.discard();
  expect([sandbox.batch, app.frames.unfinished.value]).toEqual([null, null]);

  app.restyleFrames();
  await rest(desk);
  await until(() => sandbox.batch?.all === 1);
  expect(sandbox.batch!.left).toEqual([{ id: 'f1', name: 'icon/1' }]);
  engine.onRestyle = undefined;
  app.queue.retry();
  await rest(desk);
  await until(() => sandbox.batch === null);
});

test('a style that is gone is named, and nothing is lost', async () => {
  const recipe = {
    styles: [{ id: 'neon', name: 'Neon', strength: 1 }],
    prompt: '',
    guide: 'style',
    steps: 20,
    seed: 0,
  } as const;
  const { app, sandbox } = await framesDesk(1, (parts) => {
    parts.sandbox.batch = {
      ...{ version: 1, recipe: { ...recipe, styles: [...recipe.styles] }, all: 2, done: 1 },
      ...{ startedAt: '2026-01-01T09:30:00Z', left: [{ id: 'f0', name: 'screen/0' }] },
    };
  });
  await app.frames.goOn();
  expect(app.services.notices.list.value.map(({ text }) => text)).toEqual([
    'Neon: neither in your library nor in this file. Import it under Styles, then go on.',
  ]);
  expect([app.queue.count.value.all, sandbox.batch!.left.length]).toEqual([0, 1]);
});
