/** How the plugin starts: which panel is shown, and what it was started for. */
import { buildWithoutHost, Sandbox } from './support/sandbox';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.open();
});
afterEach(() => sandbox.close());

describe('the panel', () => {
  test('is the embedded one at first, and nothing waits for it', () => {
    const seen = sandbox.run(async (world) => {
      await world.start();
      await world.advance(60_000);
      const { fallback, host, settings } = await world.call('hello', { panel: 'embedded' });
      const { skipInvisibleInstanceChildren: quick } = world.plugin.figma;
      return { html: world.windows.map(({ html }) => html), fallback, host, settings, quick };
    });
    expect(seen).toEqual({
      html: ['the embedded panel'],
      fallback: false,
      host: 'http://localhost:8137',
      settings: { panel: 'embedded', model: 'embedded' },
      quick: true,
    });
  });

  /** Starts with the hosted panel chosen. */
  function startHosted(): void {
    sandbox.run(async (world) => {
      await world.editor.storage.setAsync('settings', { panel: 'hosted', model: 'embedded' });
      await world.start('restyle', { style: 'ink' });
    });
  }

  test('is the hosted one when the user chose it: a page that goes there and takes the theme along', () => {
    startHosted();
    const seen = sandbox.run(async (world) => {
      const { html } = world.window;
      await world.advance(7_900);
      const { fallback } = await world.call('hello', { panel: 'hosted' });
      await world.advance(60_000);
      return { html, fallback, windows: world.windows.length, timers: world.waitingTimers };
    });
    expect(seen).toMatchObject({ fallback: false, windows: 1, timers: 0 });
    const [, script] = /<script>([\s\S]*)<\/script>/.exec(seen.html)!;
    for (const theme of ['dark', 'light']) {
      const window = { location: { href: '' } };
      const document = { documentElement: { className: `figma-${theme}` } };
      new Function('window', 'document', script!)(window, document);
      expect(window.location.href).toBe(`http://localhost:8137/index.html#figma-${theme}`);
    }
  });

  test('falls back to the embedded one after 8 s of silence, which gets the command', () => {
    startHosted();
    const seen = sandbox.run(async (world) => {
      await world.advance(7_999);
      const waiting = world.windows.length;
      await world.advance(1);
      const { fallback, command, settings } = await world.call('hello', { panel: 'embedded' });
      const html = world.window.html;
      return { waiting, html, first: world.windows[0]!.closed, fallback, command, panel: settings.panel };
    });
    expect(seen).toEqual({
      waiting: 1,
      html: 'the embedded panel',
      first: true,
      fallback: true,
      command: { name: 'restyle', styleId: 'ink', strength: null },
      // What the user chose stays chosen: the host may be there the next time.
      panel: 'hosted',
    });
  });

  test('can be changed for the other; the command is not carried out twice, and late replies go nowhere', () => {
    const seen = sandbox.run(async (world) => {
      const layer = world.add('RECTANGLE');
      await world.open('imagine');
      world.send({ type: 'request', id: 500, call: 'exportNode', params: { id: layer, size: 96 } });
      world.send({ type: 'request', id: 501, call: 'switchPanel', params: { panel: 'hosted' } });
      await world.settle();
      const replies = world.windows.map(({ messages }) => messages.filter((m) => m.type === 'reply' && m.id >= 500));
      const hosted = await world.call('hello', { panel: 'hosted' });
      await world.call('exportNode', { id: layer, size: 96 });
      world.send({ type: 'request', id: 502, call: 'switchPanel', params: { panel: 'embedded' } });
      await world.settle();
      const back = await world.call('hello', { panel: 'embedded' });
      return {
        windows: world.windows.length,
        open: world.windows.filter(({ closed }) => !closed).length,
        replies: replies.flat().length,
        hosted: [hosted.command, hosted.fallback],
        back: [back.command, back.fallback],
        drawn: world.drawn.length,
      };
    });
    expect(seen).toEqual({
      windows: 3,
      open: 1,
      replies: 0,
      hosted: [{ name: 'open' }, false],
      back: [{ name: 'open' }, false],
      drawn: 2,
    });
  });

  test('is not sent events before it said hello, nor after the plugin ended', () => {
    const seen = sandbox.run(async (world) => {
      const layer = world.add('RECTANGLE');
      await world.start();
      world.editor.select([layer]);
      await world.advance(100);
      const early = world.window.messages.length;
      await world.call('hello', { panel: 'embedded' });
      world.send({ type: 'request', id: 900, call: 'close', params: {} });
      world.editor.select([]);
      await world.advance(10_000);
      return { early, late: world.window.messages.length, closed: world.plugin.closed };
    });
    expect(seen).toEqual({ early: 0, late: 1, closed: true });
  });
});

test('a build without a hosted panel has only the embedded one, whatever was chosen', async () => {
  const alone = await Sandbox.open(buildWithoutHost());
  const seen = alone.run(async (world) => {
    await world.editor.storage.setAsync('settings', { panel: 'hosted', model: 'embedded' });
    const { host, fallback } = await world.open();
    const refusal = await world.refusal('switchPanel', { panel: 'hosted' });
    return { host, fallback, refusal, windows: world.windows.map(({ html }) => html) };
  });
  alone.close();
  expect(seen).toEqual({
    host: null,
    fallback: false,
    refusal: { name: 'InputError', message: 'This build of Diptych has no panel that uses the GPU.' },
    windows: ['the embedded panel'],
  });
});

describe('the command', () => {
  test.each([
    ['open', undefined, { name: 'open' }],
    ['', undefined, { name: 'open' }],
    ['something newer', undefined, { name: 'open' }],
    ['learn', undefined, { name: 'learn' }],
    ['imagine', undefined, { name: 'imagine' }],
    ['tune', undefined, { name: 'tune' }],
    ['again', undefined, { name: 'again' }],
    ['restyle', undefined, { name: 'restyle', styleId: null, strength: null }],
    ['restyle', { style: 'ink' }, { name: 'restyle', styleId: 'ink', strength: null }],
    ['restyle', { style: 'ink', strength: 0.75 }, { name: 'restyle', styleId: 'ink', strength: 0.75 }],
    ['restyle', { style: 7, strength: 'much' }, { name: 'restyle', styleId: null, strength: null }],
  ])('%s with %j', (command, parameters, expected) => {
    const seen = sandbox.run(
      async (world, command, parameters) => (await world.open(command, parameters ?? undefined)).command,
      command,
      parameters ?? null,
    );
    expect(seen).toEqual(expected);
  });

  test('while the panel is open comes as an event', () => {
    const seen = sandbox.run(async (world) => {
      await world.open();
      world.plugin.begin({ style: 'ink' });
      await world.settle();
      const { command } = await world.call('hello', { panel: 'embedded' });
      return { windows: world.windows.length, events: world.events(), command };
    });
    expect(seen).toMatchObject({
      windows: 1,
      events: [{ type: 'event', event: 'command', detail: { name: 'open' } }],
      command: { name: 'open' },
    });
  });
});

describe('the quick action', () => {
  /** The last answer to what was typed. */
  const typed = (key: string, query: string) =>
    sandbox.run(
      async (world, key, query) => {
        world.load('restyle', true);
        const answer = (await world.ask(key, query)).pop();
        world.plugin.close();
        if (answer?.kind !== 'suggestions') return answer?.kind === 'error' ? answer.message : null;
        return answer.suggestions.map((one) =>
          typeof one === 'string' ? one : [one.name, one.data as unknown, one.icon instanceof Uint8Array],
        );
      },
      key,
      query,
    );

  test('suggests the styles of the library and of the document, with their pictures', () => {
    expect(typed('style', '')).toBe('There is no style yet: learn one first, with Learn a style.');
    sandbox.run(async (world) => {
      await world.open();
      await world.call('putStyle', { ...world.style('a', 10, { name: 'Ink' }), place: 'library' });
      await world.call('putStyle', { ...world.style('b', 10, { name: 'Pink', thumbnail: null }), place: 'document' });
      await world.call('putStyle', { ...world.style('c', 10, { name: 'Gold' }), place: 'library' });
      world.plugin.close();
    });
    expect(typed('style', ' INK ')).toEqual([
      ['Pink', 'b', false],
      ['Ink', 'a', true],
    ]);
    expect(typed('style', 'x')).toBe('No style is called “x”.');
  });

  test('takes strengths in percent', () => {
    expect(typed('strength', '')).toEqual([100, 75, 50, 25, 150].map((n) => [`${n} %`, n / 100, false]));
    expect(typed('strength', '80')).toEqual([['80 %', 0.8, false]]);
    expect(typed('strength', '120 %')).toEqual([['120 %', 1.2, false]]);
    for (const wrong of ['much', '-5', '301'])
      expect(typed('strength', wrong)).toBe('Type a strength from 0 to 300 %.');
  });

  test('runs with what was suggested', () => {
    const seen = sandbox.run(async (world) => {
      world.load('restyle', true);
      await world.ask('style', '');
      world.plugin.begin({ style: 'ink', strength: 0.8 });
      await world.settle();
      return (await world.call('hello', { panel: 'embedded' })).command;
    });
    expect(seen).toEqual({ name: 'restyle', styleId: 'ink', strength: 0.8 });
  });
});

describe('relaunch buttons', () => {
  test('"Learn from these" lies on both layers of a pair, next to the buttons of a result', () => {
    const seen = sandbox.run(async (world) => {
      const [a, source] = [world.add('RECTANGLE'), world.add('RECTANGLE')];
      await world.open();
      const result = await world.restyle(source);
      await world.call('markPair', { beforeId: a, afterId: result });
      const gone = await world.call('markPair', { beforeId: '9:99', afterId: source });
      return {
        buttons: [a, result, source].map((id) => Object.keys(world.node(id).relaunchData)),
        gone,
      };
    });
    expect(seen).toEqual({ buttons: [['learn'], ['tune', 'again', 'learn'], ['learn']], gone: {} });
  });

  test('on one layer of a pair, "Learn from these" selects both; not when the other is gone or elsewhere', () => {
    const seen = sandbox.run(async (world) => {
      const [a, b] = [world.add('RECTANGLE', { name: 'a' }), world.add('RECTANGLE', { name: 'b' })];
      await world.open();
      await world.call('markPair', { beforeId: a, afterId: b });
      const learnFrom = async (...ids: string[]) => {
        world.plugin.close();
        world.editor.select(ids);
        const { selection } = await world.open('learn');
        return selection.nodes.map(({ name }) => name);
      };
      const chosen = [await learnFrom(b), await learnFrom(a, b), await learnFrom()];
      world.file.scene.move(a, world.otherPage);
      chosen.push(await learnFrom(b));
      world.file.scene.remove(a);
      chosen.push(await learnFrom(b));
      return chosen;
    });
    expect(seen).toEqual([['b', 'a'], ['a', 'b'], [], ['b'], ['b']]);
  });
});

test('a line at the bottom of the editor is cut between words', () => {
  const seen = sandbox.run(async (world) => {
    await world.open();
    await world.call('notify', { text: 'Saved', error: false });
    await world.call('notify', { text: 'word '.repeat(40), error: true });
    await world.call('notify', { text: 'x'.repeat(200), error: false });
    return world.notifications;
  });
  expect(seen).toEqual([
    { text: 'Saved', error: false },
    { text: `${'word '.repeat(19).trim()}…`, error: true },
    { text: `${'x'.repeat(99)}…`, error: false },
  ]);
});

test('storage that cannot be read is told, not swallowed', () => {
  const seen = sandbox.run(async (world) => {
    world.editor.storage.getAsync = async () => {
      throw new Error('storage is disabled');
    };
    await world.start();
    return { windows: world.windows.length, notifications: world.notifications };
  });
  expect(seen).toEqual({
    windows: 0,
    notifications: [{ text: 'Diptych could not start: storage is disabled', error: true }],
  });
});
