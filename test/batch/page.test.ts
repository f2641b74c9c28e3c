/** The page's server: what it answers, to whom, and that it shows no file but those of a batch. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { servePage, type Page } from '../../batch/page/server';
import type { BatchStatus } from '../../batch/status';

const STATUS: BatchStatus = {
  name: 'icons',
  state: 'running',
  total: 10,
  counts: { done: 5, failed: 1, running: 2, waiting: 2, delayed: 0 },
  perSecond: 0.5,
  secondsLeft: 8,
  failures: [{ key: 'k2', input: '/in/b.png', reason: 'broken', tries: 3 }],
  refusals: [],
  recent: [{ key: 'k1', input: '/in/a.png', outputs: ['/out/a.png'], time: 1 }],
  retryable: true,
  spec: {
    name: 'icons',
    version: '1',
    model: { name: 'm', fingerprint: 'f' },
    styles: [],
    settings: {},
    strengths: [[1]],
    output: '/out',
    overwrite: false,
    created: 0,
  },
};

let folder: string;
let page: Page | undefined;
const retried: [string, string | undefined][] = [];
const shown: string[] = [];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'diptych-page-'));
  writeFileSync(join(folder, 'page.js'), '/* script */');
});
afterEach(() => page?.close());
afterAll(() => rmSync(folder, { recursive: true }));

async function start(host = '127.0.0.1'): Promise<URL> {
  page = await servePage(
    {
      list: async () => [STATUS],
      retry: async (batch, key) => void retried.push([batch, key]),
    },
    {
      port: 0,
      host,
      script: join(folder, 'page.js'),
      thumbnail: async (path) => (shown.push(path), Buffer.from('webp')),
    },
  );
  return new URL(page.address);
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly cookie: string;
}

function ask(base: URL, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: base.port, path, method, headers: { host: base.host, ...headers } };
    request(options, (response) => {
      let body = '';
      response.on('data', (text: Buffer) => (body += text.toString()));
      const cookie = (response.headers['set-cookie']?.[0] ?? '').split(';')[0]!;
      response.on('end', () => resolve({ status: response.statusCode!, body, cookie }));
    })
      .on('error', reject)
      .end();
  });
}

test('page, data, pictures of the batch only, metrics and retry on the loopback address', async () => {
  const base = await start();
  expect(base.search).toBe('');
  expect((await ask(base, '/')).body).toContain('<title>Batches');
  expect(JSON.parse((await ask(base, '/batches.json')).body)).toEqual([STATUS]);
  expect((await ask(base, '/')).body).toContain('href="/icon.svg"');
  expect(await ask(base, '/icon.svg')).toMatchObject({ status: 200, body: expect.stringMatching(/^<svg /) });
  expect(await ask(base, '/picture/icons/k1/before')).toMatchObject({ status: 200, body: 'webp' });
  expect(await ask(base, '/picture/icons/k1/0')).toMatchObject({ status: 200 });
  for (const path of ['/picture/icons/k1/1', '/picture/icons/k2/before', '/picture/icons/..%2F..%2Fetc/0', '/none']) {
    expect((await ask(base, path)).status).toBe(404);
  }
  expect(shown).toEqual(['/in/a.png', '/out/a.png']);
  const metrics = (await ask(base, '/metrics')).body;
  expect(metrics).toContain('diptych_batch_pictures{batch="icons",state="failed"} 1');
  expect(metrics).toContain('\ndiptych_pictures_outstanding 4\n');
  expect((await ask(base, '/retry/icons', {}, 'POST')).status).toBe(403);
  expect((await ask(base, '/retry/icons/k2', { 'x-diptych': '1' }, 'POST')).status).toBe(200);
  expect((await ask(base, '/retry/icons', { 'x-diptych': '1' }, 'POST')).status).toBe(200);
  expect(retried).toEqual([
    ['icons', 'k2'],
    ['icons', undefined],
  ]);
  // Another site that points its own host name here gets nothing.
  expect((await ask(base, '/batches.json', { host: 'evil.example' })).status).toBe(403);
});

test('any other address wants its token, in the address, a cookie or a header', async () => {
  const base = await start('0.0.0.0');
  const token = base.searchParams.get('token')!;
  expect(token).toMatch(/^[0-9a-f]{32}$/);
  expect((await ask(base, '/')).status).toBe(403);
  expect((await ask(base, '/batches.json?token=0')).status).toBe(403);
  const { status, cookie } = await ask(base, `/?token=${token}`);
  expect([status, cookie]).toEqual([200, `diptych-token=${token}`]);
  expect((await ask(base, '/batches.json', { cookie })).status).toBe(200);
  expect((await ask(base, '/metrics', { authorization: `Bearer ${token}` })).status).toBe(200);
});

test('a port that is taken is one line', async () => {
  const base = await start();
  const options = { port: Number(base.port), host: '127.0.0.1', script: '', thumbnail: async () => Buffer.alloc(0) };
  const source = { list: async () => [], retry: async () => undefined };
  await expect(servePage(source, options)).rejects.toThrow(/cannot be used \(EADDRINUSE\); name another port$/);
});
