/** The script of the batch page in Chromium: a contact sheet that fills, reasons as text, and buttons to try again. */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { servePage, type Page as ServedPage } from '../../batch/page/server';
import type { BatchStatus, FinishedPicture, JobFailure } from '../../batch/status';
import { fromPages, openContext, type OpenContext } from './launch';
import { startServer } from './server';

const SCRIPT = join(__dirname, '../../dist/cli/batch-page.js');

const picture = (name: string): FinishedPicture => ({
  ...{ key: `key-${name}`, input: `/in/${name}.png`, time: 1 },
  outputs: [`/out/${name}-0.5.png`, `/out/${name}-1.png`],
});
/** A file's name may be anything. */
const REASON = '/in/<img src=x onerror=alert(1)>.png: cannot be read as an image';
const failure = (key: string): JobFailure => ({ key, input: '/in/x.png', reason: `${REASON} ${key}`, tries: 3 });

let status: BatchStatus = {
  ...{ name: 'icons/a b', state: 'running', total: 4, perSecond: 2, secondsLeft: 1, refusals: [], retryable: true },
  counts: { done: 1, failed: 0, running: 1, waiting: 2, delayed: 0 },
  failures: [],
  recent: [picture('a')],
  spec: {
    ...{
      name: 'icons/a b',
      version: '1',
      model: { name: 'm', fingerprint: 'f' },
      settings: {},
      strengths: [[0.5], [1]],
    },
    ...{ styles: [{ path: '/styles/blue.safetensors', sha: 's' }], output: '/out', overwrite: false, created: 0 },
  },
};
const retried: (string | undefined)[] = [];
const errors: string[] = [];

let proxy: Awaited<ReturnType<typeof startServer>>;
let served: ServedPage;
let opened: OpenContext;
let page: Page;
beforeAll(async () => {
  proxy = await startServer({}, {});
  const source = {
    list: async () => [status],
    async retry(batch: string, key: string | undefined): Promise<void> {
      if (batch !== status.name) throw new Error(`another batch: ${batch}`);
      retried.push(key);
    },
  };
  const grey = { create: { width: 8, height: 8, channels: 3, background: '#888' } } as const;
  const thumbnail = (): Promise<Uint8Array> => sharp(grey).webp().toBuffer();
  served = await servePage(source, { port: 0, host: '127.0.0.1', script: SCRIPT, thumbnail });
  opened = await openContext(proxy.origin);
  page = await opened.context.newPage();
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  await page.goto(served.address);
});
afterAll(async () => {
  await opened?.close();
  await served?.close();
  await proxy?.close();
});
afterEach(() => expect([errors.splice(0), fromPages(proxy.strayed)]).toEqual([[], []]));

const captions = (): Promise<string[]> => page.locator('figcaption').allTextContents();
/** Widths of the pictures that the browser has shown, in its own pixels. */
const loaded = async (count: number): Promise<void> => {
  await page.waitForFunction(
    (wanted) => [...document.images].filter(({ naturalWidth }) => naturalWidth === 8).length === wanted,
    count,
  );
};

test('the contact sheet fills while the batch runs, and what it shows already stays as it is', async () => {
  await page.getByText('1 of 4 done').waitFor();
  await loaded(3);
  expect(await page.locator('.state').textContent()).toBe('running');
  expect(await page.getByText('2.0 a second').count()).toBe(1);
  const first = await page.locator('figure').elementHandle();
  status = { ...status, counts: { ...status.counts, done: 2, waiting: 1 }, recent: [picture('b'), picture('a')] };
  await page.getByText('2 of 4 done').waitFor();
  await loaded(6);
  expect(await captions()).toEqual(['b.png', 'a.png']);
  // Not made again, so that no picture flickers.
  expect(await page.evaluate((figure) => document.querySelectorAll('figure')[1] === figure, first)).toBe(true);
});

test('reasons of failures are text, and the buttons try one or all again', async () => {
  status = {
    ...status,
    state: 'failed',
    counts: { done: 2, failed: 2, running: 0, waiting: 0, delayed: 0 },
    failures: [failure('k1'), failure('k2')],
  };
  await page.getByText('Failed (2)').waitFor();
  expect(await page.locator('li span').allTextContents()).toEqual([`${REASON} k1 (3 tries)`, `${REASON} k2 (3 tries)`]);
  await page.getByRole('button', { name: 'Try again', exact: true }).nth(1).click();
  await page.getByRole('button', { name: 'Try all again' }).click();
  for (let i = 0; i < 200 && retried.length < 2; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(retried).toEqual(['k2', undefined]);
  status = { ...status, state: 'done', counts: { ...status.counts, done: 4, failed: 0 }, failures: [] };
  await page.getByText('4 of 4 done').waitFor();
  expect(await page.getByRole('button').count()).toBe(0);

  // Where nothing can be retried from outside, it says how.
  status = { ...status, failures: [failure('k3')], retryable: false };
  await page.getByText('Run the same diptych batch command again').waitFor();
  expect(await page.getByRole('button').count()).toBe(0);
});
