/** The server of the hosted panel: ranges, caching, headers, and nothing from outside of its folder. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { refusal, serve, type Served } from './node-module';

let folder: string;
let server: Served;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'diptych-serve-'));
  mkdirSync(join(folder, 'site/assets'), { recursive: true });
  mkdirSync(join(folder, 'other'));
  writeFileSync(join(folder, 'site/index.html'), '<!doctype html>');
  writeFileSync(join(folder, 'site/assets/letters.txt'), 'abcdefghij');
  writeFileSync(join(folder, 'site/empty.json'), '');
  writeFileSync(join(folder, 'other/run.wasm'), 'wasm');
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  symlinkSync(join(folder, 'secret.txt'), join(folder, 'site/link.txt'));
  server = await serve('scripts/static-server.mjs', 'startServer', {
    mounts: { '/': join(folder, 'site'), '/other': join(folder, 'other') },
    headers: { 'X-Test': 'yes' },
  });
});
afterAll(() => {
  server.process.kill();
  rmSync(folder, { recursive: true });
});

/** The path goes out as it is given: fetch would tidy it up first. */
function get(path: string, headers: Record<string, string> = {}, method = 'GET') {
  return new Promise<{ status: number; body: string; headers: NodeJS.Dict<string | string[]> }>((resolve, reject) => {
    const { hostname, port } = new URL(server.origin);
    request({ hostname, port, path, method, headers, family: 4 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode!, body: Buffer.concat(chunks).toString(), headers: response.headers }),
      );
    })
      .on('error', reject)
      .end();
  });
}

test('gives files their types and the headers asked for', async () => {
  const page = await get('/');
  expect(page).toMatchObject({ status: 200, body: '<!doctype html>' });
  expect(page.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'x-test': 'yes' });
  expect(await get('/other/run.wasm')).toMatchObject({ status: 200, headers: { 'content-type': 'application/wasm' } });
  expect(await get('/empty.json')).toMatchObject({ status: 200, body: '' });
  expect(await get('/assets/letters.txt', {}, 'HEAD')).toMatchObject({
    status: 200,
    body: '',
    headers: { 'content-length': '10' },
  });
});

test.each([
  ['bytes=2-4', 206, 'cde', 'bytes 2-4/10'],
  ['bytes=0-0', 206, 'a', 'bytes 0-0/10'],
  ['bytes=7-', 206, 'hij', 'bytes 7-9/10'],
  ['bytes=-2', 206, 'ij', 'bytes 8-9/10'],
  ['bytes=8-99', 206, 'ij', 'bytes 8-9/10'],
  ['bytes=10-12', 416, '', 'bytes */10'],
  ['lines=1-2', 200, 'abcdefghij', undefined],
])('range %s', async (range, status, body, contentRange) => {
  const answer = await get('/assets/letters.txt', { range });
  expect(answer).toMatchObject({ status, body });
  expect(answer.headers['content-range']).toBe(contentRange);
});

test('says when a file has not changed', async () => {
  const { headers } = await get('/assets/letters.txt');
  expect(await get('/assets/letters.txt', { 'if-none-match': String(headers['etag']) })).toMatchObject({
    status: 304,
    body: '',
  });
});

test.each([
  '/../secret.txt',
  '/..%2fsecret.txt',
  '/assets/..%5c..%5csecret.txt',
  '/assets/../../secret.txt',
  '/link.txt',
  '/other/../../secret.txt',
  '/%00',
  '/%',
  '/missing.txt',
  '/assets',
])('%s is not found', async (path) => {
  const answer = await get(path);
  expect(answer).toMatchObject({ status: 404, body: '' });
  // It may be there later.
  expect(answer.headers['cache-control']).toBeUndefined();
});

test('nothing can be written', async () => {
  expect(await get('/assets/letters.txt', {}, 'PUT')).toMatchObject({ status: 405 });
});

test('a taken port and a missing folder are named', () => {
  const port = Number(new URL(server.origin).port);
  const mounts = { '/': folder };
  expect(refusal('scripts/static-server.mjs', 'startServer', { mounts, port })).toBe(
    `port ${port} is taken; end what uses it, or give another`,
  );
  const missing = join(folder, 'missing');
  expect(refusal('scripts/static-server.mjs', 'startServer', { mounts: { '/': missing } })).toBe(
    `${missing} does not exist; run: npm run build`,
  );
});
