/** Downloads into a store: in which parts they are kept, and what is done with parts that cannot be the file's. */
import { createHash } from 'node:crypto';
import { download, type FileStore } from '../../engine/weights/download';
import { inputError } from './support';

const MIB = 2 ** 20;

/** A store in memory; `calls` tells what was done with it. */
function store(...parts: Uint8Array<ArrayBuffer>[]) {
  const calls: string[] = [];
  const of: FileStore = {
    parts: async () => parts.map((part) => new Blob([part])),
    append: async (_model, _path, bytes) => {
      calls.push(`append ${bytes.length}`);
      parts.push(bytes);
    },
    removeFile: async () => {
      calls.push('remove');
      parts.splice(0);
    },
  };
  return { of, calls, bytes: () => Buffer.concat(parts) };
}

/** A server of one file. */
const serve = (data: Uint8Array<ArrayBuffer>): typeof fetch =>
  (async (_url: string, init: RequestInit) => {
    const [, first, last] = /=(\d+)-(\d+)$/.exec((init.headers as Record<string, string>)['Range']!)!.map(Number);
    const part = data.subarray(first, last! + 1);
    const range = `bytes ${first}-${first! + part.length - 1}/${data.length}`;
    return new Response(part, { status: 206, headers: { 'Content-Range': range } });
  }) as typeof fetch;

const listed = (data: Uint8Array) =>
  ({
    path: 'x.bin',
    size: data.length,
    hash: {
      algorithm: 'git-sha1',
      digest: createHash('sha1').update(`blob ${data.length}\0`).update(data).digest('hex'),
    },
  }) as const;

const get = (into: FileStore, data: Uint8Array<ArrayBuffer>, file = listed(data)): Promise<void> =>
  download(into, { model: 'm', file, url: 'http://x/' }, { fetch: serve(data), retries: 0 }, () => undefined);

test('what comes in several requests is kept in one part: each part is a file or an entry of a database', async () => {
  const data = new Uint8Array(4 * MIB + 5).fill(7);
  const kept = store();
  await get(kept.of, data);
  expect(kept.calls).toEqual([`append ${data.length}`]);
  expect(kept.bytes().equals(data)).toBe(true);
});

test('more bytes than the file has, or other ones, are thrown away, and the file is fetched from its beginning', async () => {
  const data = Uint8Array.from({ length: 300 }, (_, i) => i % 251);
  for (const spoilt of [new Uint8Array(301), new Uint8Array(300), new Uint8Array(20)]) {
    const kept = store(spoilt);
    await get(kept.of, data);
    expect(kept.calls.filter((call) => call === 'remove')).toHaveLength(1);
    expect(kept.bytes().equals(data)).toBe(true);
  }
});

test('what is there whole is not asked for; what comes wrong is not kept, and not fetched a second time', async () => {
  const data = Uint8Array.from({ length: 300 }, (_, i) => i % 251);
  const whole = store(data.slice());
  await download(
    whole.of,
    { model: 'm', file: listed(data), url: 'http://x/' },
    { fetch: () => Promise.reject(new Error('no request was expected')) },
    () => undefined,
  );
  expect(whole.calls).toEqual([]);
  const wrong = store();
  expect(await inputError(get(wrong.of, new Uint8Array(300), listed(data)))).toMatch(
    /^m\/x\.bin: what came is not what the hub lists/,
  );
  expect(wrong.calls.filter((call) => call.startsWith('append'))).toHaveLength(1);
  expect(wrong.bytes()).toHaveLength(0);
});
