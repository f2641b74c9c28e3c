import { openDesk, until, type Desk } from './desk';
import { node } from './fake-sandbox';

const layers = [node('a', 'before'), node('b', 'after', { x: 200 })];
const withStyle = ({ sandbox }: Pick<Desk, 'sandbox'>): void => {
  sandbox.addStyle('ink', 'Ink');
  for (const id of ['a', 'b']) sandbox.layers.set(id, new Uint8Array([1]));
};

describe('where a command leads', () => {
  test.each([
    ['nothing selected, no styles', [], false, 'learn'],
    ['nothing selected', [], true, 'restyle'],
    ['two layers', layers, true, 'learn'],
    ['one layer', layers.slice(0, 1), true, 'restyle'],
    ['one layer, no styles', layers.slice(0, 1), false, 'learn'],
  ] as const)('open, %s', async (_, nodes, styles, place) => {
    const { app } = await openDesk({ nodes, prepare: (parts) => styles && withStyle(parts) });
    expect(app.place.value).toBe(place);
  });

  test.each([
    ['learn', 'learn'],
    ['tune', 'restyle'],
    ['imagine', 'imagine'],
  ] as const)('%s', async (name, place) => {
    const { app } = await openDesk({ command: { name }, prepare: withStyle });
    expect(app.place.value).toBe(place);
  });
});

test('the quick action restyles what is selected at once', async () => {
  const command = { name: 'restyle', styleId: 'ink', strength: 0.5 } as const;
  const { app, sandbox } = await openDesk({ nodes: layers, command, prepare: withStyle });
  expect(app.place.value).toBe('restyle');
  await until(() => sandbox.results.size === 2);
  expect([...sandbox.results.values()][0]!.parameters.styles).toEqual([{ id: 'ink', name: 'Ink', strength: 0.5 }]);
});

test('the quick action without a selection says what to do, and with a style that is gone that it is', async () => {
  const { app, command } = await openDesk({
    command: { name: 'restyle', styleId: 'ink', strength: null },
    prepare: withStyle,
  });
  const texts = (): string[] => app.services.notices.list.value.map(({ text }) => text);
  expect(texts()).toEqual(['Select what to restyle with “Ink”']);
  expect(app.choice.has('ink')).toBe(true);
  command({ name: 'restyle', styleId: 'gone', strength: null });
  expect(texts().at(-1)).toMatch(/^That style is neither in your library/);
});

test('a command while the panel is open: "Restyle again" on results', async () => {
  const desk = await openDesk({ nodes: layers, prepare: withStyle });
  desk.app.choice.only('ink');
  desk.app.restyleSelection();
  await until(() => desk.sandbox.results.size === 2 && desk.app.queue.count.value.left === 0);
  const results = [...desk.sandbox.results].map(([id, { parameters }]) => node(id, id, { result: parameters }));
  desk.select(...results);
  desk.command({ name: 'again' });
  await until(() => desk.app.queue.count.value.left === 0);
  expect(desk.sandbox.calls('updateResult')).toHaveLength(2);
  expect(desk.sandbox.results.size).toBe(2);
});

test('"Restyle again" with nothing to restyle says what to select', async () => {
  const desk = await openDesk({ nodes: layers, prepare: withStyle });
  desk.command({ name: 'again' });
  expect(desk.app.services.notices.list.value[0]!.text).toMatch(/^Select results/);
  expect(desk.app.queue.items.value).toEqual([]);
});

test('a start that fails says why, and can be tried again', async () => {
  const { app, sandbox } = await openDesk({
    prepare: (parts) => {
      parts.sandbox.before = (call) => {
        if (call === 'hello') throw new Error('Figma did not answer in time (hello); try again');
      };
    },
  });
  expect(app.start.value).toEqual({ at: 'failed', message: 'Figma did not answer in time (hello); try again' });
  sandbox.before = undefined;
  await app.open();
  expect(app.start.value.at).toBe('ready');
});

test('the embedded panel in place of the hosted one says so', async () => {
  const { app } = await openDesk({ fallback: true });
  expect(app.services.notices.list.value[0]!.text).toMatch(/^http:\/\/localhost:8137 could not be reached/);
});

test('the newest style is chosen until the user picks; a deleted one is taken out', async () => {
  const { app } = await openDesk({
    prepare: ({ sandbox }) => {
      sandbox.addStyle('ink', 'Ink');
      sandbox.addStyle('neon', 'Neon');
      sandbox.addStyle('clay', 'Clay', 'library', { model: { name: 'sd-turbo', fingerprint: 'beef' } });
    },
  });
  const chosen = (): string[] => app.choice.chosen.value.map(({ id }) => id);
  // Clay is newer, but of another base model.
  await until(() => app.services.model.fingerprint.value !== null);
  expect(chosen()).toEqual(['neon']);
  app.choice.toggle('ink');
  expect(chosen()).toEqual(['neon', 'ink']);
  await app.library.remove('neon', 'library');
  expect(chosen()).toEqual(['ink']);
  await app.library.rename('ink', 'Pen');
  expect(app.choice.chosen.value[0]!.name).toBe('Pen');
});

describe('imagining', () => {
  test('a picture that the document does not take is kept until it is placed, saved or given up', async () => {
    const { app, sandbox, saved } = await openDesk({
      prepare: ({ sandbox }) => sandbox.addStyle('ink', 'Ink'),
    });
    const { imagining } = app;
    imagining.prompt.value = 'red/apple';
    sandbox.documentFull = true;
    await imagining.start(app.choice.chosen.value);
    expect(imagining.state.value).toMatchObject({ at: 'unplaced', message: 'This file is full.' });
    await imagining.start(app.choice.chosen.value);
    await imagining.placeAgain();
    expect(imagining.state.value).toMatchObject({ at: 'unplaced' });
    imagining.save();
    expect(saved.map(({ name }) => name)).toEqual(['red-apple.png']);
    sandbox.documentFull = false;
    await imagining.placeAgain();
    expect(imagining.state.value).toMatchObject({ at: 'done', picture: saved[0]!.content });
    expect(sandbox.results.size).toBe(1);
  });

  test('a prompt becomes a frame of the picture’s size, with how it was made', async () => {
    const { app, sandbox } = await openDesk({ prepare: withStyle });
    app.imagining.prompt.value = ' red apple ';
    app.imagining.seed.value = 5;
    await app.imagining.start(app.choice.chosen.value);
    expect(app.imagining.state.value.at).toBe('done');
    expect(sandbox.calls('insertImagined')).toMatchObject([
      {
        ...{ width: 256, height: 256 },
        parameters: {
          kind: 'imagined',
          prompt: 'red apple',
          seed: 5,
          sourceId: null,
          styles: [{ id: 'ink', strength: 1 }],
        },
      },
    ]);
  });

  test('no prompt: nothing; cancelled: nothing is placed; failed: why', async () => {
    const { app, sandbox, engine } = await openDesk({ prepare: withStyle });
    await app.imagining.start(app.choice.chosen.value);
    expect(app.imagining.state.value.at).toBe('idle');
    app.imagining.prompt.value = 'apple';
    const started = app.imagining.start(app.choice.chosen.value);
    app.imagining.cancel();
    await started;
    expect(app.imagining.state.value.at).toBe('idle');
    expect(sandbox.calls('insertImagined')).toHaveLength(0);
    engine.imagine = async () => {
      throw new Error('the device was lost');
    };
    await app.imagining.start(app.choice.chosen.value);
    expect(app.imagining.state.value).toEqual({ at: 'failed', message: 'The device was lost' });
  });
});
