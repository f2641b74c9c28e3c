/** The built plugin in Figma's frames with the panel from a web server: WebGPU, refused storage, no server. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Frame } from 'playwright-core';
import { serve, type Served } from '../scripts/node-module';
import { styleFile } from './flows/styles';
import { openReplica, readBase64, readText, type ReplicaBrowser, type ReplicaOptions } from './in-replica';
import { openProfile } from './launch';
import { learnStyle, restyleLayer } from './panel-user';

jest.setTimeout(600_000);

const TINY_MODEL = 'test/fixtures/tiny-model';
const TAB = '[role=tab]';
const pictures = {
  'bell before': readBase64('test/fixtures/pairs/bell-flat.png'),
  'bell after': readBase64('test/fixtures/pairs/bell-line.png'),
};

let host: Served;
let replica: ReplicaBrowser;
const open = new Set<ReplicaBrowser>();
const serveHosted = (folder: string): Promise<Served> => serve('scripts/serve.mjs', 'serveHosted', 0, folder);
beforeEach(async () => {
  host = await serveHosted('dist/hosted');
});
afterEach(async () => {
  host.process.kill();
  for (const browser of open) await browser.close();
  open.clear();
});

/** Opens the plugin, whose first panel is the embedded one. */
async function openEmbedded(address: string, options: Partial<ReplicaOptions> = {}): Promise<Frame> {
  replica = await openReplica({ host: address, pictures, ...options });
  open.add(replica);
  await replica.page.evaluate(() => diptychReplica.current.start('open'));
  return replica.panel(TAB);
}

/** Opens the plugin and asks for the other panel. */
async function switchToHosted(address: string, options: Partial<ReplicaOptions> = {}): Promise<void> {
  const embedded = await openEmbedded(address, { model: 'tiny', ...options });
  await embedded.getByRole('tab', { name: 'Model' }).click();
  // Nothing was asked of the server before the user asks for it.
  expect(replica.requests.filter((url) => url.startsWith(address))).toEqual([]);
  await embedded.getByRole('button', { name: 'Use this computer’s GPU' }).click();
}

const hostedPanel = async (): Promise<Frame> => {
  const panel = await replica.panel('#files');
  await panel.waitForSelector(TAB);
  return panel;
};

test('the embedded panel cannot even reach what the frames around it allow', async () => {
  const fetched = (frame: Frame): Promise<string> =>
    frame.evaluate(
      (url) =>
        fetch(url).then(
          () => 'answered',
          () => 'refused',
        ),
      `${host.origin}/index.html`,
    );
  const embedded = await openEmbedded(host.origin);
  expect(await fetched(embedded)).toBe('refused');
  expect(await fetched(embedded.parentFrame()!)).toBe('answered');
});

test('the worker finds a WebGPU adapter and restyles on it', async () => {
  await switchToHosted(host.origin);
  const panel = await hostedPanel();
  expect(new URL(panel.url()).hash).toBe('#figma-light');
  expect(await panel.evaluate(() => [isSecureContext, crossOriginIsolated, 'gpu' in navigator])).toEqual([
    true,
    true,
    true,
  ]);
  const paths = readdirSync(TINY_MODEL, { recursive: true })
    .map(String)
    .filter((path) => /\.\w+$/.test(path));
  const files = Object.fromEntries(paths.map((path) => [path, readBase64(join(TINY_MODEL, path))]));
  // Not as a script of the page, which its policy would refuse.
  await panel.evaluate(readText('dist/test/gpu-worker.js'));
  const style = readFileSync(styleFile('Ink', 'tiny')).toString('base64');
  const result = await panel.evaluate(([f, s]) => diptychRunOnGpu(f, s), [files, style] as const);
  expect(result.device).toBe('webgpu');
  expect(result.changed).toBeGreaterThan(0);
  expect(replica.takeErrors()).toEqual([]);
});

test('where storage is refused, the panel learns and restyles all the same', async () => {
  // Any model will do.
  host.process.kill();
  host = await serveHosted('dist/test/tiny-hosted');
  const profile = await mkdtemp(join(tmpdir(), 'diptych-profile-'));
  // What "Block all site data" writes.
  const preferences = { profile: { default_content_setting_values: { cookies: 2 } } };
  await mkdir(join(profile, 'Default'));
  await writeFile(join(profile, 'Default/Preferences'), JSON.stringify(preferences));
  await switchToHosted(host.origin, {
    // These preferences are read when a browser starts.
    open: async (proxy) => {
      const { context, close } = await openProfile(profile, proxy);
      return { context, close: () => close().then(() => rm(profile, { recursive: true, force: true })) };
    },
  });
  const panel = await hostedPanel();
  const refused = await panel.evaluate(async () => {
    const name = async (attempt: () => unknown): Promise<string> => {
      try {
        await attempt();
        return 'given';
      } catch (error) {
        return (error as Error).name;
      }
    };
    return [await name(() => localStorage.length), await name(() => navigator.storage.getDirectory())];
  });
  expect(refused).toEqual(['SecurityError', 'SecurityError']);
  await learnStyle(replica, panel, { before: 'bell before', after: 'bell after', style: 'Line', steps: 40 });
  const result = await restyleLayer(replica, panel, 'bell before');
  expect(result.images[1]!.png).not.toBe(result.images[0]!.png);
  // Its wasm had threads.
  await panel.getByRole('tab', { name: 'Model' }).click();
  expect(await panel.getByLabel('In use').innerText()).toMatch(/threads/);
  expect(await replica.page.evaluate(() => diptychReplica.current.errors)).toEqual([]);
});

test('where the server cannot be reached, the embedded panel comes instead', async () => {
  host.process.kill();
  await switchToHosted(host.origin);
  const panel = await replica.panel(TAB);
  await panel.getByText('could not be reached').first().waitFor();
  expect(await panel.evaluate(() => origin)).toBe('null');
});
