/** Restyling a page or a whole file: the count before the start, what the document keeps, and going on. */
import { gate, openDesk, until, type Desk } from './desk';
import { node } from './fake-sandbox';

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
  expect(sandbox.calls('markBatch').map(({ done, id, failure }) => [done, id, failure])).toEqual([
    [1, 'f1', null],
    [2, 'f3', null],
    [3, 'f5', null],
  ]);
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

const failing = (...pictures: number[]): ((desk: Pick<Desk, 'engine'>) => void) => {
  return ({ engine }) => {
    engine.onRestyle = ({ picture }) => {
      if (pictures.includes(picture[0]!)) throw new Error('the device was lost');
    };
  };
};
const remains = ({ app }: Desk) => ({
  left: app.frames.unfinished.value?.left.map(({ id }) => id),
  failed: app.frames.unfinished.value?.failed.map(({ id, reason }) => `${id}: ${reason}`),
});

test('cancelled, the rest is offered, and what failed with its reason; each is done once', async () => {
  const desk = await framesDesk(6, failing(1));
  const { app, sandbox, engine } = desk;
  await app.frames.open();
  await found(desk);
  app.restyleFrames();
  await until(() => engine.restyled.length === 4);
  app.queue.cancelAll();
  await rest(desk);
  await until(() => app.frames.unfinished.value !== null);
  const done = sources(desk);
  const others = ['f0', 'f2', 'f3', 'f4', 'f5'].filter((id) => !done.includes(id));
  expect(others.length).toBeGreaterThan(1);
  expect(remains(desk)).toEqual({ left: others, failed: ['f1: The device was lost'] });

  // One of the cancelled, tried by itself out of order, is not made again.
  app.queue.retry(app.queue.items.value.find(({ name }) => name === 'icon/5')!.id);
  await until(() => sources(desk).includes('f5'));
  await until(() => remains(desk).left?.includes('f5') === false);
  await app.frames.goOn();
  await rest(desk);
  await until(() => sandbox.batch!.left.length === 0);
  expect(sources(desk).sort()).toEqual(['f0', 'f2', 'f3', 'f4', 'f5']);
  expect(sandbox.batch!.failed).toEqual([{ id: 'f1', name: 'icon/1', reason: 'The device was lost' }]);

  engine.onRestyle = undefined;
  await app.frames.tryAgain();
  await rest(desk);
  await until(() => sandbox.batch === null);
  expect(sources(desk).sort()).toEqual(['f0', 'f1', 'f2', 'f3', 'f4', 'f5']);
  expect(app.frames.unfinished.value).toBeNull();
});

test('what failed is offered at the next start too, fails again with its new reason, and is forgotten when discarded', async () => {
  const first = await framesDesk(4, failing(1, 3));
  await first.app.frames.open();
  await found(first);
  first.app.restyleFrames();
  await rest(first);
  await until(() => first.sandbox.batch?.done === 4 && !first.app.frames.busy.value);
  // The queue lists them with a way to try again; once they are cleared from it, the panel offers the same.
  expect(first.app.frames.unfinished.value).toBeNull();
  first.app.queue.clear();
  expect(remains(first)).toEqual({ left: [], failed: ['f1: The device was lost', 'f3: The device was lost'] });

  const kept = structuredClone(first.sandbox.batch);
  const second = await framesDesk(4, ({ sandbox, engine }) => {
    sandbox.batch = kept;
    engine.onRestyle = ({ picture }) => {
      if (picture[0] === 3) throw new Error('this layer is too large');
    };
  });
  expect(remains(second)).toEqual(remains(first));
  await second.app.frames.tryAgain();
  await rest(second);
  await until(() => second.sandbox.batch?.failed.length === 1);
  expect(sources(second)).toEqual(['f1']);
  second.app.queue.clear();
  expect(remains(second)).toEqual({ left: [], failed: ['f3: This layer is too large'] });
  await second.app.frames.discard();
  expect([second.sandbox.batch, second.app.frames.unfinished.value]).toEqual([null, null]);
});

test('a picture that the document did not take counts as failed, and is only placed again', async () => {
  const desk = await framesDesk(2, ({ sandbox }) => (sandbox.documentFull = true));
  const { app, sandbox, engine } = desk;
  await app.frames.open();
  await found(desk);
  app.restyleFrames();
  await rest(desk);
  await until(() => sandbox.batch?.failed.length === 2);
  expect(sandbox.batch!.failed[0]).toEqual({ id: 'f0', name: 'screen/0', reason: 'This file is full.' });
  sandbox.documentFull = false;
  await app.frames.tryAgain();
  await rest(desk);
  await until(() => sandbox.batch === null);
  expect([engine.restyled.length, sources(desk)]).toEqual([2, ['f0', 'f1']]);
});

test('a frame that was cancelled by itself is not left, nor are those that were cleared from the list of a busy queue', async () => {
  const [hold, holdNext] = [gate(), gate()];
  const desk = await framesDesk(3, ({ engine }) => {
    engine.onRestyle = () => (engine.restyled.length > 2 ? holdNext.passed : hold.passed);
  });
  const { app, sandbox, engine } = desk;
  await app.frames.open();
  await found(desk);
  app.restyleFrames();
  await until(() => engine.restyled.length === 1);
  app.queue.cancel(app.queue.items.value[2]!.id);
  desk.select(node('f0'));
  app.restyleSelection();
  hold.open();
  await until(() => engine.restyled.length === 3);
  app.queue.clear();
  expect(app.queue.items.value.map(({ name }) => name)).toEqual(['f0']);
  holdNext.open();
  await rest(desk);
  await until(() => sandbox.batch === null);
  expect([sources(desk), app.frames.unfinished.value]).toEqual([['f0', 'f1', 'f0'], null]);
});

test('two clicks queue every frame once, also when the document answers late', async () => {
  const late = gate();
  const desk = await framesDesk(3, ({ sandbox }) => {
    sandbox.before = (call) => (call === 'putBatch' ? late.passed : undefined);
  });
  const { app, sandbox } = desk;
  await app.frames.open();
  await found(desk);
  app.restyleFrames();
  app.restyleFrames();
  await until(() => sandbox.calls('putBatch').length > 0);
  expect(app.frames.busy.value).toBe(true);
  app.restyleFrames();
  late.open();
  await rest(desk);
  await until(() => sandbox.batch === null);
  expect([sources(desk), sandbox.calls('putBatch').length]).toEqual([['f0', 'f1', 'f2'], 1]);
  // Over, others can be started.
  app.restyleFrames();
  await until(() => sandbox.calls('putBatch').length === 2);
  await rest(desk);
});

test('frames that are left are not replaced by others unasked', async () => {
  const hold = gate();
  const first = await framesDesk(3, ({ engine }) => {
    engine.onRestyle = () => (engine.restyled.length > 1 ? hold.passed : undefined);
  });
  await first.app.frames.open();
  await found(first);
  first.app.restyleFrames();
  await until(() => first.engine.restyled.length === 2);
  const kept = structuredClone(first.sandbox.batch)!;
  hold.open();
  await rest(first);

  const again = async (): Promise<Desk> => {
    // Begun in another window after this panel was opened.
    const desk = await framesDesk(3);
    desk.sandbox.batch = structuredClone(kept);
    await desk.app.frames.open();
    await found(desk);
    desk.app.restyleFrames();
    await until(() => desk.app.frames.inTheWay.value !== null);
    expect([desk.app.queue.count.value.all, desk.sandbox.batch]).toEqual([0, kept]);
    return desk;
  };
  const goesOn = await again();
  await goesOn.app.frames.goOn();
  await rest(goesOn);
  await until(() => goesOn.sandbox.batch === null);
  expect([sources(goesOn), goesOn.app.frames.inTheWay.value]).toEqual([['f1', 'f2'], null]);

  const starts = await again();
  starts.app.restyleFrames({ instead: true });
  await until(() => starts.sandbox.results.size === 3 && starts.sandbox.batch === null);
  expect([sources(starts), starts.app.frames.inTheWay.value]).toEqual([['f0', 'f1', 'f2'], null]);

  const leaves = await again();
  leaves.app.frames.change({ name: 'icon' });
  expect([leaves.app.frames.inTheWay.value, leaves.sandbox.batch]).toEqual([null, kept]);
  await found(leaves);
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
      ...{ startedAt: '2026-01-01T09:30:00Z', left: [{ id: 'f0', name: 'screen/0', index: 1 }], failed: [] },
    };
  });
  await app.frames.goOn();
  expect(app.services.notices.list.value.map(({ text }) => text)).toEqual([
    'Neon: neither in your library nor in this file. Import it under Styles, then go on.',
  ]);
  expect([app.queue.count.value.all, sandbox.batch!.left.length]).toEqual([0, 1]);
});
