/** Models from the hub on disk, and looked into: pinned, checked, gone on with. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, fetchModel } from '../../../cli/inputs/model-cache';
import type { Io } from '../../../cli/io';
import { openModel } from '../../../engine/diffusion/model';
import { hubFolder } from '../../../engine/weights/hub';
import { nodeFolder } from '../../../engine/weights/node-folder';
import { inputError } from '../../weights/support';
import { startHub, type TestHub } from '../../ui-engine/hub-server';
import { TINY_MODEL } from '../../support/tiny-engine';
import { desk, type Desk } from '../desk';

const NAME = 'hub:org/model';
let d: Desk;
let hub: TestHub;
let told: string;
let controller: AbortController;

beforeEach(async () => {
  d = desk();
  told = '';
  controller = new AbortController();
  const paths = readdirSync(TINY_MODEL, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  hub = await startHub(
    Object.fromEntries(paths.map((path) => [path.slice(TINY_MODEL.length + 1), readFileSync(path)] as const)),
  );
});
afterEach(async () => {
  await hub.close();
  d.close();
});

function io(): Io {
  return {
    out: () => undefined,
    err: (text) => (told += text),
    interactive: false,
    signal: controller.signal,
    command: 'diptych',
    version: '1.2.3',
    root: '/nowhere',
    openEngine: () => Promise.reject(new Error('no engine was expected')),
  };
}

const options = () => ({ endpoint: hub.endpoint, cache: d.at('cache'), retries: 0 });
const WEIGHTS = 'unet/diffusion_pytorch_model.safetensors';

test('a model is fetched once, at one commit, with its size said first', async () => {
  const folder = await fetchModel(io(), NAME, options());
  expect(folder).toBe(d.at(`cache/hub/org/model/${hub.commit}`));
  expect(told).toMatch(/^hub:org\/model: fetching \d+\.\d MiB into [^\n]*\n/);
  expect((await openModel(await nodeFolder(folder, NAME))).name).toBe(NAME);
  expect(hub.asked.filter((line) => line.includes('/resolve/')).every((line) => line.includes(hub.commit))).toBe(true);
  expect(readdirSync(folder, { recursive: true }).filter((name) => String(name).endsWith('.part'))).toEqual([]);

  hub.asked.splice(0);
  told = '';
  await fetchModel(io(), NAME, options());
  expect(hub.asked).toEqual([expect.stringContaining('/api/models/')]);
  expect(told).toBe('');
});

test('a broken connection and a cancelled run keep what has come', async () => {
  const whole = hub.files.get(WEIGHTS)!;
  const at = Math.floor(whole.length / 2);
  hub.cut = { path: WEIGHTS, at, times: 1 };
  expect(await inputError(fetchModel(io(), NAME, options()))).toMatch(/download failed/);
  const folder = d.at(`cache/hub/org/model/${hub.commit}`);
  expect(existsSync(join(folder, WEIGHTS))).toBe(false);
  await fetchModel(io(), NAME, options());
  expect(readFileSync(join(folder, WEIGHTS))).toEqual(whole);
});

test('a file that is not the listed one does not count, nor what was spoilt on disk', async () => {
  hub.tamper = (path, bytes) =>
    path === WEIGHTS ? Buffer.from(bytes.map((byte, i) => (i === 9000 ? byte ^ 1 : byte))) : bytes;
  expect(await inputError(fetchModel(io(), NAME, options()))).toMatch(/its hash differs/);
  const folder = d.at(`cache/hub/org/model/${hub.commit}`);
  expect(readdirSync(join(folder, 'unet'))).toEqual(['config.json']);

  hub.tamper = undefined;
  mkdirSync(join(folder, 'unet'), { recursive: true });
  writeFileSync(join(folder, `${WEIGHTS}.part`), 'spoilt');
  await fetchModel(io(), NAME, options());
  expect(readFileSync(join(folder, WEIGHTS))).toEqual(hub.files.get(WEIGHTS));
});

test('looking into a model reads only headers of what is large, and checks what is small', async () => {
  const folder = hubFolder(NAME, options());
  expect(hub.asked).toEqual([]);
  expect(await folder.has('model_index.json')).toBe(true);
  expect(await folder.has('no/such.json')).toBe(false);
  expect((await openModel(folder)).name).toBe(NAME);
  expect(hub.asked.filter((line) => line.includes('/resolve/')).every((line) => line.includes(hub.commit))).toBe(true);

  hub.tamper = (path, bytes) =>
    path.endsWith('config.json') ? Buffer.from(bytes.toString().replace('{', '[')) : bytes;
  expect(await inputError(openModel(hubFolder(NAME, options())))).toMatch(
    /config\.json: what came is not what the hub lists/,
  );
});

test('a hub that answers an error is asked again the next time, and a model that it lacks is said to be missing', async () => {
  let status = 503;
  const refusing: typeof fetch = (...request) =>
    status === 200 ? fetch(...request) : Promise.resolve(new Response('', { status }));
  const folder = hubFolder(NAME, { ...options(), fetch: refusing });
  expect(await inputError(folder.json('model_index.json'))).toBe(
    'hub:org/model: the hub answers HTTP 503; try again later',
  );
  for (status of [401, 403, 404]) {
    expect(await inputError(folder.json('model_index.json'))).toMatch(
      /^hub:org\/model: there is no such model on the hub, or it is private or gated; check the name/,
    );
  }
  status = 200;
  await folder.json('model_index.json');
  // A file that was opened is kept.
  hub.asked.splice(0);
  await folder.json('model_index.json');
  expect(hub.asked).toEqual([]);
});

test('where models are kept', () => {
  expect(cacheFolder({ DIPTYCH_CACHE: '/c' }, 'linux')).toBe('/c');
  expect(cacheFolder({ XDG_CACHE_HOME: '/x' }, 'linux')).toBe('/x/diptych');
  expect(cacheFolder({}, 'linux')).toMatch(/\/\.cache\/diptych$/);
  expect(cacheFolder({}, 'darwin')).toMatch(/Library\/Caches\/diptych$/);
});
