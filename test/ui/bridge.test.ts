import { Bridge, connectBridge, SandboxError } from '../../ui/bridge';
import { trustedBy } from '../../ui/trusted-origins';

const HELLO = {
  settings: { panel: 'embedded', model: 'embedded' },
  command: { name: 'open' },
  selection: { page: { id: '1', name: 'Page' }, nodes: [] },
  host: null,
  fallback: false,
};

type Posted = { id: number; call: string; params: unknown };

function bridged(): { bridge: Bridge; posted: Posted[] } {
  const posted: Posted[] = [];
  return { bridge: new Bridge((message) => posted.push(message as Posted)), posted };
}

const reply = (id: number, result: unknown) => ({ type: 'reply', id, ok: true, result });

describe('calls', () => {
  test('answers reach the calls they belong to, in whatever order they come', async () => {
    const { bridge, posted } = bridged();
    const first = bridge.call('readStyle', { id: 'a' });
    const second = bridge.call('readStyle', { id: 'b' });
    expect(posted.map(({ call, params }) => [call, params])).toEqual([
      ['readStyle', { id: 'a' }],
      ['readStyle', { id: 'b' }],
    ]);
    bridge.receive(reply(posted[1]!.id, { file: new Uint8Array([2]) }));
    bridge.receive(reply(posted[0]!.id, { file: new Uint8Array([1]) }));
    expect(await first).toEqual({ file: new Uint8Array([1]) });
    expect(await second).toEqual({ file: new Uint8Array([2]) });
  });

  test('an error keeps its name and message', async () => {
    const { bridge, posted } = bridged();
    const call = bridge.call('exportNode', { id: 'a', size: 96 });
    bridge.receive({
      ...{ type: 'reply', id: posted[0]!.id, ok: false },
      error: { name: 'NodeGoneError', message: 'the layer was deleted' },
    });
    await expect(call).rejects.toMatchObject({ name: 'NodeGoneError', message: 'the layer was deleted' });
    await expect(call).rejects.toBeInstanceOf(SandboxError);
  });

  test('an answer of the wrong shape is an error of that call alone', async () => {
    const { bridge, posted } = bridged();
    const call = bridge.call('hello', { panel: 'embedded' });
    bridge.receive(reply(posted[0]!.id, { ...HELLO, fallback: 'yes' }));
    await expect(call).rejects.toThrow(/answer to hello is not understood/);
    const next = bridge.call('hello', { panel: 'embedded' });
    bridge.receive(reply(posted[1]!.id, HELLO));
    expect(await next).toEqual(HELLO);
  });

  test('no answer in time is an error, and the late answer is dropped', async () => {
    jest.useFakeTimers();
    try {
      const { bridge, posted } = bridged();
      const call = bridge.call('readDraft', {});
      const outcome = expect(call).rejects.toThrow('Figma did not answer in time (readDraft); try again');
      await jest.advanceTimersByTimeAsync(30_000);
      await outcome;
      expect(() => bridge.receive(reply(posted[0]!.id, { draft: null }))).not.toThrow();
      // Drawing a large layer takes the editor longer.
      const slow = bridge.call('exportNode', { id: 'a', size: 'full' });
      await jest.advanceTimersByTimeAsync(100_000);
      bridge.receive(reply(posted[1]!.id, { png: new Uint8Array([1]), name: 'a' }));
      expect((await slow).name).toBe('a');
    } finally {
      jest.useRealTimers();
    }
  });

  test('a message that cannot be sent is an error of its call', async () => {
    const bridge = new Bridge(() => {
      throw new Error('DataCloneError');
    });
    await expect(bridge.call('close', {})).rejects.toThrow(/could not ask Figma \(close\).*DataCloneError/);
  });
});

describe('events', () => {
  test('reach their listeners until those stop listening', () => {
    const { bridge } = bridged();
    const heard: unknown[] = [];
    const stop = bridge.on('selection', (selection) => heard.push(selection));
    const event = { type: 'event', event: 'selection', detail: HELLO.selection };
    bridge.receive(event);
    stop();
    bridge.receive(event);
    expect(heard).toEqual([HELLO.selection]);
  });

  test.each([[{ type: 'event', event: 'selection', detail: {} }], [{ type: 'hint' }], ['text'], [null]])(
    'refuses %j',
    (message) => {
      expect(() => bridged().bridge.receive(message)).toThrow();
    },
  );
});

test('only the window around the panel is listened to', async () => {
  const listeners: ((event: unknown) => void)[] = [];
  const posted: { pluginMessage: Posted; pluginId: string }[] = [];
  const parent = { postMessage: (message: (typeof posted)[number]) => posted.push(message) };
  const page = {
    parent,
    addEventListener: (_: string, listener: (event: unknown) => void) => listeners.push(listener),
  };
  const bridge = connectBridge(page as unknown as Window, (origin) => origin === 'https://www.figma.com');
  const call = bridge.call('hello', { panel: 'embedded' });
  expect(posted[0]).toMatchObject({ pluginId: '*', pluginMessage: { type: 'request', call: 'hello' } });
  const { id } = posted[0]!.pluginMessage;
  let settled = false;
  void call.then(() => (settled = true));
  const data = { pluginMessage: reply(id, HELLO) };
  for (const event of [
    { source: {}, data, origin: 'https://www.figma.com' },
    { source: parent, data, origin: 'https://figma.com.example.org' },
    { source: parent, data: 'text', origin: 'https://www.figma.com' },
    { source: parent, data: null, origin: 'https://www.figma.com' },
  ]) {
    listeners[0]!(event);
  }
  await Promise.resolve();
  expect(settled).toBe(false);
  listeners[0]!({ source: parent, data, origin: 'https://www.figma.com' });
  expect(await call).toEqual(HELLO);
});

test.each([
  ['diptych.example.org', 'https://www.figma.com', true],
  ['diptych.example.org', 'https://evil.example', false],
  ['diptych.example.org', 'null', false],
  ['diptych.example.org', 'http://localhost:3000', false],
  ['localhost', 'http://figma.localhost:3000', true],
  ['127.0.0.1', 'http://localhost:3000', true],
  ['localhost', 'http://localhost.example.org', false],
  ['localhost', 'null', false],
])('a panel from %s takes messages of %s: %s', (hostname, origin, trusted) => {
  expect(trustedBy({ hostname })(origin)).toBe(trusted);
});
