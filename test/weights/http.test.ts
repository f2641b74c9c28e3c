/** HTTP ranges and hub folders against a local server that misbehaves on request. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CancelledError, InputError } from '../../engine/errors';
import { openHttpSource } from '../../engine/weights/http-range';
import { isHubName, parseHubName } from '../../engine/weights/hub';
import { MissingFileError } from '../../engine/weights/source';
import { inputError } from './support';

const DATA = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 31) % 251);

type Handler = (request: IncomingMessage, response: ServerResponse, range: [number, number] | undefined) => void;

let server: Server;
let url: string;
let handler: Handler;
let requests: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    requests.push(`${request.url} ${request.headers.range ?? 'whole'}`);
    handler(request, response, match ? [Number(match[1]), Number(match[2])] : undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  requests = [];
  handler = ranges(DATA);
});

/** A server that does as RFC 9110 says. */
const ranges =
  (data: Uint8Array, headers: Record<string, string> = {}): Handler =>
  (_, response, range) => {
    if (!range) return void response.writeHead(200, headers).end(data);
    if (range[0] >= data.length)
      return void response.writeHead(416, { 'Content-Range': `bytes */${data.length}` }).end();
    const last = Math.min(range[1], data.length - 1);
    const part = data.subarray(range[0], last + 1);
    response.writeHead(206, {
      ...headers,
      'Content-Range': `bytes ${range[0]}-${last}/${data.length}`,
      'Content-Length': part.length,
    });
    response.end(part);
  };

/** The handlers in turn, the last one for good. */
const inTurn = (...handlers: Handler[]): Handler => {
  let next = 0;
  return (...call) => handlers[Math.min(next++, handlers.length - 1)]!(...call);
};

/** Sends half of what was asked for, then drops the connection. */
const drop: Handler = (_, response, range) => {
  const [first, last] = range!;
  const end = Math.min(last, DATA.length - 1);
  response.writeHead(206, {
    'Content-Range': `bytes ${first}-${end}/${DATA.length}`,
    'Content-Length': end - first + 1,
  });
  response.write(DATA.subarray(first, first + ((end - first + 1) >> 1)), () => response.destroy());
};

const status =
  (code: number): Handler =>
  (_, response) =>
    void response.writeHead(code).end();

/** Sends one byte and then nothing, without end. */
const stall: Handler = (_, response, range) =>
  void response.writeHead(206, { 'Content-Range': `bytes ${range![0]}-${range![1]}/${DATA.length}` }).write('x');

const fast = { name: 'file', retryDelay: 1 };
/** Byte equality; Jest's own takes seconds on large arrays. */
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const bytesOf = async (value: Uint8Array | Blob): Promise<Uint8Array> =>
  value instanceof Blob ? new Uint8Array(await value.arrayBuffer()) : value;

test('reads ranges and asks only for what it lacks', async () => {
  const source = await openHttpSource(url, fast);
  expect(source.size).toBe(DATA.length);
  expect(same(await source.read(10, 20), DATA.subarray(10, 30))).toBe(true);
  expect(requests).toEqual(['/ bytes=0-65535']);
  expect(same(await source.read(150_000, 50_000), DATA.subarray(150_000))).toBe(true);
  expect(requests[1]).toBe('/ bytes=150000-199999');
  const whole = await source.asBlobOrBytes();
  expect(whole).toBeInstanceOf(Blob);
  expect(same(await bytesOf(whole), DATA)).toBe(true);
  await expect(source.read(199_999, 2)).rejects.toThrow(RangeError);
});

test.each([0, 1, 65535, 65536, 65537])('a file of %i bytes', async (size) => {
  const data = DATA.subarray(0, size);
  handler = ranges(data);
  const source = await openHttpSource(url, fast);
  expect(source.size).toBe(size);
  expect(same(await source.read(0, size), data)).toBe(true);
  expect(same(await bytesOf(await source.asBlobOrBytes()), data)).toBe(true);
});

test('falls back to the whole file when ranges are refused', async () => {
  handler = (_, response) => void response.writeHead(200).end(DATA);
  const source = await openHttpSource(url, fast);
  expect(same(await source.read(100_000, 5), DATA.subarray(100_000, 100_005))).toBe(true);
  expect(requests).toHaveLength(1);
});

test('falls back when ranges are refused halfway, or Content-Range is hidden', async () => {
  const wholeOnly: Handler = (_, response) => void response.writeHead(200).end(DATA);
  handler = inTurn(ranges(DATA), wholeOnly);
  const late = await openHttpSource(url, fast);
  expect(same(await late.read(100_000, 5), DATA.subarray(100_000, 100_005))).toBe(true);
  expect(same(await late.read(190_000, 5), DATA.subarray(190_000, 190_005))).toBe(true);
  expect(requests).toHaveLength(2);

  handler = (request, response, range) =>
    range ? void response.writeHead(206).end(DATA.subarray(0, 9)) : wholeOnly(request, response, range);
  expect((await openHttpSource(url, fast)).size).toBe(DATA.length);
});

test('takes a dropped read up where it stopped', async () => {
  const source = await openHttpSource(url, fast);
  requests = [];
  handler = inTurn(drop, status(503), drop, ranges(DATA));
  expect(same(await source.read(100_000, 80_000), DATA.subarray(100_000, 180_000))).toBe(true);
  expect(requests[0]).toBe('/ bytes=100000-179999');
  expect(requests).toHaveLength(4);
  // What had arrived before a drop is not asked for again, unless the runtime threw it away with the connection.
  expect(Number(/bytes=(\d+)/.exec(requests[3]!)![1])).toBeGreaterThanOrEqual(100_000);
});

test('takes a dropped opening up again', async () => {
  handler = inTurn(drop, ranges(DATA));
  expect((await openHttpSource(url, fast)).size).toBe(DATA.length);
});

test.each([408, 425, 429, 500, 503])('HTTP %i is asked again', async (code) => {
  handler = inTurn(status(code), ranges(DATA));
  expect((await openHttpSource(url, fast)).size).toBe(DATA.length);
  expect(requests).toHaveLength(2);
});

test.each([400, 401, 404, 410, 416, 418])('HTTP %i is not', async (code) => {
  handler = inTurn(status(code), ranges(DATA));
  await expect(openHttpSource(url, fast)).rejects.toThrow(InputError);
  expect(requests).toHaveLength(1);
});

test('a range that is refused is no empty file', async () => {
  handler = (_, response) => void response.writeHead(416, { 'Content-Range': `bytes */${DATA.length}` }).end();
  expect(await inputError(openHttpSource(url, fast))).toMatch(/^file: is shorter than the server said/);
});

test('a whole file of fewer bytes than declared is asked for again; a compressed one has its own length', async () => {
  const given = (...answers: Response[]): typeof fetch => (async () => answers.shift()!) as typeof fetch;
  const short = new Response('abc', { headers: { 'Content-Length': '9' } });
  const whole = new Response('123456789', { headers: { 'Content-Length': '9' } });
  expect((await openHttpSource('http://x/', { ...fast, fetch: given(short, whole) })).size).toBe(9);
  const packed = new Response('123456789', { headers: { 'Content-Length': '3', 'Content-Encoding': 'gzip' } });
  expect((await openHttpSource('http://x/', { ...fast, retries: 0, fetch: given(packed) })).size).toBe(9);
});

test('gives up after a few drops', async () => {
  handler = status(502);
  expect(await inputError(openHttpSource(url, { ...fast, retries: 2 }))).toMatch(/^file: download failed \(HTTP 502\)/);
  expect(requests).toHaveLength(3);
});

test('of a redirect, where it leads is read, but not from https to http', async () => {
  handler = (request, response, range) =>
    request.url === '/moved'
      ? ranges(DATA)(request, response, range)
      : void response.writeHead(302, { Location: '/moved' }).end();
  expect((await openHttpSource(url, fast)).size).toBe(DATA.length);
  expect(requests).toHaveLength(2);

  // No certificate here: the first answer is given by hand.
  const fetcher = async (at: string | URL | Request, init?: RequestInit): Promise<Response> =>
    String(at).startsWith('https:') ? new Response(null, { status: 307, headers: { Location: url } }) : fetch(at, init);
  expect(await inputError(openHttpSource('https://hub.test/x', { ...fast, fetch: fetcher as typeof fetch }))).toMatch(
    /^file: https:\/\/hub\.test redirects to http:[^\n]*not encrypted/,
  );
  expect(requests).toHaveLength(2);
  handler = (_, response) => void response.writeHead(302, { Location: url }).end();
  requests = [];
  expect(await inputError(openHttpSource(url, fast))).toMatch(/redirects more than 10 times/);
  expect(requests).toHaveLength(11);
});

test('only a redirect is followed, whatever else carries a Location', async () => {
  handler = ranges(DATA, { Location: '/elsewhere' });
  expect((await openHttpSource(url, fast)).size).toBe(DATA.length);
  handler = (_, response) => void response.writeHead(404, { Location: '/elsewhere' }).end();
  await expect(openHttpSource(url, fast)).rejects.toThrow(MissingFileError);
  expect(requests).toEqual(['/ bytes=0-65535', '/ bytes=0-65535']);
});

test('a page refuses what came from http where https was asked for: it sees only the last address', async () => {
  const versions = Object.getOwnPropertyDescriptor(process, 'versions')!;
  let inPage: typeof import('../../engine/weights/http-fetch') | undefined;
  Object.defineProperty(process, 'versions', { ...versions, value: {} });
  try {
    await jest.isolateModulesAsync(async () => void (inPage = await import('../../engine/weights/http-fetch')));
  } finally {
    Object.defineProperty(process, 'versions', versions);
  }
  const from = (last: string): typeof fetch =>
    (async () => Object.defineProperty(new Response('x'), 'url', { value: last })) as typeof fetch;
  const ask = (asked: string, last: string): Promise<Response> => inPage!.fetchSafely(asked, {}, from(last));
  await expect(ask('https://hub.test/x', 'http://other.test/x')).rejects.toThrow(
    'https://hub.test redirects to http://other.test, which is not encrypted; nothing was read from there',
  );
  for (const [asked, last] of [
    ['https://hub.test/x', 'https://other.test/x'],
    ['http://localhost/x', 'http://localhost/y'],
    ['https://hub.test/x', ''],
  ] as const) {
    expect(await (await ask(asked, last)).text()).toBe('x');
  }
});

test('a size that is not the listed one, and a body without an end, are one line each', async () => {
  expect(await inputError(openHttpSource(url, { ...fast, size: 7 }))).toMatch(
    /^file: [^\n]*200000 bytes, but 7 are listed/,
  );
  let sent = 0;
  handler = (_, response) => {
    response.writeHead(200);
    const more = (): void => void (response.destroyed || response.write(DATA, () => ((sent += DATA.length), more())));
    more();
  };
  expect(await inputError(openHttpSource(url, { ...fast, size: 300_000 }))).toMatch(/more than the 300000 bytes/);
  expect(sent).toBeLessThan(1e8);
});

test('a server that claims more than it has is one line', async () => {
  handler = (_, response, range) =>
    range![0] === 0
      ? void response
          .writeHead(206, { 'Content-Range': `bytes 0-${range![1]}/900000000000000` })
          .end(DATA.subarray(0, range![1] + 1))
      : void response.writeHead(416).end();
  const source = await openHttpSource(url, fast);
  expect(await inputError(source.read(100_000, 10))).toMatch(/^file: is shorter than the server said/);
  expect(await inputError(source.read(0, 800_000_000_000_000))).toMatch(
    /^file: 800000000000000 bytes at once do not fit/,
  );
});

test('an unreachable server is an InputError', async () => {
  expect(await inputError(openHttpSource('http://127.0.0.1:1/', { ...fast, retries: 0 }))).toMatch(
    /^file: download failed/,
  );
});

test.each<[string, Handler, RegExp]>([
  [
    'another range',
    (_, response) => void response.writeHead(206, { 'Content-Range': 'bytes 5-9/200000' }).end('12345'),
    /asked for bytes 0-65535, got 5-9/,
  ],
  [
    'a range past the end',
    (_, response) => void response.writeHead(206, { 'Content-Range': 'bytes 0-9/5' }).end('0123456789'),
    /asked for/,
  ],
  [
    'more bytes than asked for',
    (_, response) => void response.writeHead(206, { 'Content-Range': 'bytes 0-3/4' }).end('01234'),
    /more bytes/,
  ],
  [
    'fewer bytes than promised',
    (_, response) => void response.writeHead(206, { 'Content-Range': 'bytes 0-3/4' }).end('01'),
    /stopped after 2 of 4/,
  ],
  ['a refusal', status(403), /refuses access \(HTTP 403/],
  ['an odd answer', status(418), /HTTP 418/],
])('refuses %s', async (_, answer, message) => {
  handler = answer;
  expect(await inputError(openHttpSource(url, { ...fast, retries: 0 }))).toMatch(message);
});

test('notices a file that changed on the server', async () => {
  for (const changed of [ranges(DATA.subarray(0, 150_000)), ranges(DATA, { ETag: '"b"' })]) {
    handler = inTurn(ranges(DATA, { ETag: '"a"' }), changed);
    const source = await openHttpSource(url, fast);
    expect(await inputError(source.read(100_000, 5))).toMatch(/changed on the server/);
  }
  // By its size alone, where the server names no version.
  handler = inTurn(ranges(DATA), ranges(DATA.subarray(0, 150_000)));
  const source = await openHttpSource(url, fast);
  expect(await inputError(source.read(100_000, 5))).toMatch(/changed on the server/);
});

test('a missing file is told apart', async () => {
  for (const code of [404, 410]) {
    handler = status(code);
    await expect(openHttpSource(url, fast)).rejects.toThrow(MissingFileError);
  }
  expect(requests).toHaveLength(2);
});

test('honours the signal: before, during the wait, and during the transfer', async () => {
  await expect(openHttpSource(url, { ...fast, signal: AbortSignal.abort() })).rejects.toThrow(CancelledError);
  const source = await openHttpSource(url, { ...fast, retryDelay: 60_000 });
  for (const answer of [status(503), stall]) {
    handler = answer;
    const controller = new AbortController();
    const reading = source.read(100_000, 5, controller.signal);
    setTimeout(() => controller.abort(), 30);
    await expect(reading).rejects.toThrow(CancelledError);
  }
  // Also where nothing would be tried again.
  const controller = new AbortController();
  const opening = openHttpSource(url, { ...fast, retries: 0, signal: controller.signal });
  setTimeout(() => controller.abort(), 30);
  await expect(opening).rejects.toThrow(CancelledError);
});

describe('hub', () => {
  test('parses names', () => {
    expect(parseHubName('hub:org/name')).toEqual({ organisation: 'org', repository: 'name', revision: 'main' });
    expect(parseHubName('hub:a-b/c.d_e@refs/pr/1')).toEqual({
      organisation: 'a-b',
      repository: 'c.d_e',
      revision: 'refs/pr/1',
    });
    expect(isHubName('hub:x')).toBe(true);
    expect(isHubName('./hub')).toBe(false);
  });

  test.each([
    'hub:',
    'hub:name',
    'hub:a/b/c',
    'hub:../b',
    'hub:a/..',
    'hub:a/b@',
    'hub:a/b@../c',
    'hub:a/b?x',
    'hub:a b/c',
    'a/b',
  ])('refuses %s', async (text) => {
    expect(await inputError(Promise.resolve().then(() => parseHubName(text)))).toMatch(/hub:ORG\/NAME/);
  });
});
