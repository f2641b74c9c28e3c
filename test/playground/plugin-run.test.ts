/** From the start of the plugin to its end: events, parameters, the window and its messages. */
import { STORAGE_QUOTA } from '../../playground/figma/client-storage';
import type { Answer } from '../../playground/figma/plugin-run';
import { Desk, settled } from './desk';

describe('messages', () => {
  function opened() {
    const desk = new Desk();
    const { figma } = desk.run();
    figma.showUI('<p>', { width: 10 });
    return { desk, figma, shown: desk.windows[0]! };
  }

  test('a window has a least width and the name of the plugin', () => {
    expect(opened().shown.options).toMatchObject({ width: 70, height: 200, title: 'Test', visible: true });
  });

  test('JSON and bytes pass as copies', () => {
    const { figma, shown } = opened();
    const bytes = new Uint8Array([1, 2]);
    figma.ui.postMessage({ bytes, list: [null, 'a', { b: true }], left: undefined }, { origin: 'https://a.example' });
    bytes[0] = 9;
    expect(shown.posted).toEqual([
      {
        message: {
          pluginMessage: { bytes: new Uint8Array([1, 2]), list: [null, 'a', { b: true }] },
          pluginId: 'test-plugin',
        },
        origin: 'https://a.example',
      },
    ]);
  });

  test.each([
    ['a function', { run: () => 1 }, 'message.run is a function'],
    ['a node', { nodes: [new (class Node {})()] }, 'message.nodes[0] is an object of a class'],
    ['another array of numbers', { a: new Float32Array(1) }, 'message.a is a Float32Array'],
    ['a map', new Map(), 'message is a Map'],
    ['NaN', { x: NaN }, 'message.x is NaN'],
    ['a symbol', { x: Symbol('s') }, 'message.x is a symbol'],
  ])('%s does not', (_name, message, complaint) => {
    const { figma } = opened();
    expect(() => figma.ui.postMessage(message)).toThrow(complaint);
  });

  test('a document with an origin must name the plugin', () => {
    const { figma, shown } = opened();
    const heard: unknown[] = [];
    figma.ui.onmessage = (message, { origin }) => heard.push([message, origin]);
    shown.send({ pluginMessage: 1 });
    shown.send({ pluginMessage: 2 }, 'https://a.example');
    shown.send({ pluginMessage: 3, pluginId: 'another' }, 'https://a.example');
    shown.send({ pluginMessage: 4, pluginId: '*' }, 'https://a.example');
    shown.send({ pluginMessage: 5, pluginId: 'test-plugin' }, 'https://a.example');
    shown.send('no message');
    expect(heard).toEqual([
      [1, 'null'],
      [4, 'https://a.example'],
      [5, 'https://a.example'],
    ]);
  });

  test('what handlers throw or reject with is reported', async () => {
    const { desk, figma, shown } = opened();
    figma.ui.onmessage = async () => {
      throw new Error('rejected');
    };
    figma.on('selectionchange', () => {
      throw new Error('thrown');
    });
    shown.send({ pluginMessage: 1 });
    desk.editor.select([desk.scene.create('FRAME', desk.pageId).id]);
    await settled();
    expect(desk.reports).toEqual([new Error('rejected'), new Error('thrown')]);
  });

  test('a second window closes the first, whose messages are not heard any more', () => {
    const { desk, figma, shown } = opened();
    const heard: unknown[] = [];
    figma.ui.onmessage = (message) => heard.push(message);
    figma.showUI('<p>');
    expect(shown.closed).toBe(true);
    shown.send({ pluginMessage: 'old' });
    desk.windows[1]!.send({ pluginMessage: 'new' });
    expect(heard).toEqual(['new']);
  });
});

describe('parameters', () => {
  test('are suggested, and come with the run', async () => {
    const desk = new Desk();
    const { run, figma } = desk.run('restyle', { asking: true });
    figma.parameters.on('input', ({ key, query, parameters, result }) => {
      result.setLoadingMessage('Looking');
      result.setSuggestions([{ name: `${key} ${query} ${parameters['first']}`, data: 7 }]);
    });
    const events: unknown[] = [];
    figma.on('run', (event) => events.push(event));
    const answers: Answer[] = [];
    run.ask('style', 'in', { first: 1 }, (answer) => answers.push(answer));
    await settled();
    expect(answers).toEqual([
      { kind: 'loading', message: 'Looking' },
      { kind: 'suggestions', suggestions: [{ name: 'style in 1', data: 7 }] },
    ]);
    expect(events).toEqual([]);
    run.begin({ style: 7 });
    await settled();
    expect(events).toEqual([{ command: 'restyle', parameters: { style: 7 } }]);
  });

  test('while they are asked for there is no window, and nothing can be changed', async () => {
    const desk = new Desk();
    const box = desk.scene.create('RECTANGLE', desk.pageId);
    const { run, figma } = desk.run('restyle', { asking: true });
    const node = await figma.getNodeByIdAsync(box.id);
    expect(() => figma.showUI('<p>')).toThrow('asks for parameters');
    expect(() => figma.createRectangle()).toThrow('asks for parameters');
    expect(() => (node!.name = 'x')).toThrow('asks for parameters');
    run.begin();
    node!.name = 'x';
    expect(desk.scene.get(box.id).name).toBe('x');
  });
});

describe('the end', () => {
  test('is heard, closes the window, and is the end', async () => {
    const desk = new Desk();
    let ended = 0;
    const { run, figma } = desk.run('', { onClose: () => ended++ });
    figma.showUI('<p>');
    const heard: string[] = [];
    figma.on('close', () => heard.push('close'));
    figma.on('selectionchange', () => heard.push('selection'));
    const late = figma.getNodeByIdAsync(desk.pageId).then(() => heard.push('late'));
    figma.createFrame();
    figma.closePlugin('Bye');
    desk.editor.select([]);
    await Promise.race([late, settled()]);
    expect(heard).toEqual(['close']);
    expect([desk.windows[0]!.closed, ended, run.closed]).toEqual([true, 1, true]);
    expect(desk.notes).toEqual(['Bye']);
    expect(desk.file.history.undoable).toBe(1);
    run.close();
    expect(ended).toBe(1);
  });

  test('a notification has at most 100 characters', () => {
    const desk = new Desk();
    desk.run().figma.notify('x'.repeat(101));
    expect(desk.notes[0]).toHaveLength(100);
  });

  test('the quota is what the API says', () => expect(STORAGE_QUOTA).toBe(5_000_000));
});
