/** Models from a hub: looked up, fetched, resumed, checked, kept and thrown away. */
import { CancelledError, InputError } from '../../engine/errors';
import { Models } from '../../ui/engine/models/models';
import { memoryStore, type ModelStore } from '../../ui/engine/models/store';
import { startHub, type TestHub } from './hub-server';
import { failure } from './support';

const MIB = 2 ** 20;
const NAME = 'hub:org/model';
const UNET = 'unet/diffusion_pytorch_model.fp16.safetensors';
const bytes = (length: number, seed: number): Buffer => Buffer.alloc(length, `${seed} apples and pears, `);

const FILES = {
  'model_index.json': Buffer.from('{}'),
  'README.md': Buffer.from('not fetched'),
  'scheduler/scheduler_config.json': Buffer.from('{"a": 1}'),
  'unet/config.json': Buffer.from('{"b": 2}'),
  'vae/config.json': Buffer.from('{"c": 3}'),
  'text_encoder/config.json': Buffer.from('{"d": 4}'),
  'tokenizer/tokenizer.json': bytes(5000, 1),
  'unet/diffusion_pytorch_model.safetensors': bytes(9000, 2),
  [UNET]: bytes(400_000, 3),
  'vae/diffusion_pytorch_model.safetensors': bytes(300_000, 4),
  'text_encoder/model.safetensors': bytes(200_000, 5),
};
const FETCHED = Object.keys(FILES).filter((path) => !/README|model\.safetensors$/.test(path) || /vae|text/.test(path));
/** Asked for in several parts, 4 MiB at a time. */
const MEDIUM_UNET = bytes(9 * MIB + 123, 3);
/** Kept in several parts too, 32 MiB at a time: for the test of just that, because hashing it takes seconds in jest. */
const LARGE_UNET = bytes(37 * MIB + 123, 3);

let hub: TestHub;
beforeEach(async () => {
  hub = await startHub(FILES);
});
afterEach(() => hub.close());
const serveUnet = (content: Buffer): void => void hub.files.set(UNET, content);
/** Bytes of what is fetched. */
const total = (): number => FETCHED.reduce((sum, path) => sum + hub.files.get(path)!.length, 0);

const open = (store: ModelStore = memoryStore(), network = true): Models =>
  new Models({ network, openStore: async () => store, hub: { endpoint: hub.endpoint, retryDelay: 1, retries: 1 } });

/** Bytes of a file that were asked for. */
const askedOf = (path: string): string[] =>
  hub.asked.filter((line) => line.includes(path)).map((line) => line.split(' ')[2]!);

async function expectWhole(models: Models): Promise<void> {
  const files = await models.files(NAME);
  expect([...files.keys()].sort()).toEqual([...FETCHED].sort());
  for (const [path, blob] of files) {
    expect(Buffer.from(await blob.arrayBuffer()).equals(hub.files.get(path)!)).toBe(true);
  }
}

test('nothing is asked of the hub before a model is named, then one question', async () => {
  const models = open();
  expect(await models.list()).toEqual([]);
  expect(hub.asked).toEqual([]);
  expect(await models.look(NAME)).toMatchObject({ name: NAME, bytes: total(), have: 0 });
  expect(hub.asked).toEqual(['GET /api/models/org/model/revision/main?blobs=true']);
  expect(await models.list()).toEqual([]);
});

test('a model is fetched whole, without what the engine does not read, and told byte by byte', async () => {
  serveUnet(MEDIUM_UNET);
  const models = open();
  await models.look(NAME);
  const told: number[] = [];
  await models.fetch(NAME, {
    onProgress: (have, all) => {
      told.push(have);
      expect(all).toBe(total());
    },
  });
  await expectWhole(models);
  expect(told[0]).toBe(0);
  expect(told.at(-1)).toBe(total());
  expect(told).toEqual([...told].sort((a, b) => a - b));
  expect(
    hub.asked.some((line) => /README|diffusion_pytorch_model\.safetensors/.test(line) && /unet|README/.test(line)),
  ).toBe(false);
  expect(await models.list()).toMatchObject([{ name: NAME, bytes: total(), have: total() }]);
});

test('a fetch that was cancelled goes on where it stopped, also in another session', async () => {
  serveUnet(MEDIUM_UNET);
  const store = memoryStore();
  const first = open(store);
  const controller = new AbortController();
  const fetching = first.fetch(NAME, {
    signal: controller.signal,
    onProgress: (have) => have > 5 * MIB && controller.abort(),
  });
  expect(await failure(fetching)).toBeInstanceOf(CancelledError);
  const [facts] = await first.list();
  expect(facts!.have).toBeGreaterThan(5 * MIB);
  expect(facts!.have).toBeLessThan(total());
  expect((await failure(first.files(NAME))).message).toBe(`${NAME} is not on this computer yet; fetch it under Model`);

  hub.asked.length = 0;
  const second = open(store);
  expect(await second.look(NAME)).toMatchObject({ have: facts!.have });
  await second.fetch(NAME, {});
  await expectWhole(second);
  // Apart from the opening of the file, nothing that was there already.
  const starts = askedOf(UNET).map((range) => Number(/=(\d+)-/.exec(range)![1]));
  expect(Math.min(...starts.filter((start) => start > 0))).toBeGreaterThan(4 * MIB);
});

test('a connection that breaks now and then is taken up again', async () => {
  serveUnet(MEDIUM_UNET);
  hub.cut = { path: UNET, at: 6 * MIB, times: 1 };
  const models = open();
  await models.fetch(NAME, {});
  await expectWhole(models);
  expect(hub.cut.times).toBe(0);
});

test('a connection that stays broken fails with what has come kept', async () => {
  serveUnet(MEDIUM_UNET);
  hub.cut = { path: UNET, at: 6 * MIB, times: 100 };
  const models = open();
  const error = await failure(models.fetch(NAME, {}));
  expect(error).toBeInstanceOf(InputError);
  expect(error.message).toMatch(
    new RegExp(`^${NAME}/${UNET}: download failed .*; check the connection and run again$`),
  );
  expect((await models.list())[0]!.have).toBeGreaterThan(4 * MIB);
  hub.cut = undefined;
  await models.fetch(NAME, {});
  await expectWhole(models);
});

test.each([
  ['large', UNET],
  ['small', 'vae/config.json'],
])('a %s file that is not what the hub lists is thrown away', async (_, wrong) => {
  if (wrong === UNET) serveUnet(MEDIUM_UNET);
  hub.tamper = (path, content) => {
    if (path !== wrong) return content;
    const other = Buffer.from(content);
    other[3]! ^= 1;
    return other;
  };
  const models = open();
  const error = await failure(models.fetch(NAME, {}));
  expect(error).toBeInstanceOf(InputError);
  expect(error.message).toBe(
    `${NAME}/${wrong}: what came is not what the hub lists (its hash differs) and was thrown away; fetch it again`,
  );
  expect((await failure(models.files(NAME))).message).toMatch(/is not on this computer yet/);
  hub.tamper = undefined;
  await models.fetch(NAME, {});
  await expectWhole(models);
});

test('a part that was spoilt in storage is found by the hash, and the file fetched from its beginning', async () => {
  serveUnet(MEDIUM_UNET);
  const store = memoryStore();
  const commit = { sha: hub.commit };
  await store.writeIndex(NAME, { version: 1, name: NAME, commit: commit.sha, files: [] });
  await store.append(NAME, UNET, new Uint8Array(5 * MIB));
  const models = open(store);
  await models.fetch(NAME, {});
  await expectWhole(models);
  expect(askedOf(UNET)).toContain(`bytes=${5 * MIB}-${9 * MIB - 1}`);
  expect(askedOf(UNET)).toContain(`bytes=0-${4 * MIB - 1}`);
});

test('a file that storage has lost in part is noticed when the model is opened, and fetched again', async () => {
  const store = memoryStore();
  const models = open(store);
  await models.fetch(NAME, {});
  await store.removeFile(NAME, 'vae/config.json');
  const error = await failure(models.files(NAME));
  expect(error).toBeInstanceOf(InputError);
  expect(error.message).toBe(
    `${NAME}/vae/config.json was damaged in the browser's storage; fetch it again under Model`,
  );
  expect((await models.list())[0]!.have).toBeLessThan(total());
  hub.asked.length = 0;
  await models.fetch(NAME, {});
  await expectWhole(models);
  expect(askedOf(UNET)).toEqual([]);
});

test('an index that cannot be read is none', async () => {
  const store = memoryStore();
  await store.writeIndex(NAME, { version: 2, files: 'x' });
  const models = open(store);
  expect(await models.list()).toEqual([]);
  await models.fetch(NAME, {});
  await expectWhole(models);
});

test('of a new version only what changed is fetched, and the old is given up', async () => {
  const models = open();
  await models.fetch(NAME, {});
  hub.commit = 'b'.repeat(40);
  hub.files.set('vae/diffusion_pytorch_model.safetensors', bytes(123_456, 9));
  hub.asked.length = 0;
  const facts = await models.look(NAME);
  expect(facts.bytes - facts.have).toBe(123_456);
  await models.fetch(NAME, {});
  await expectWhole(models);
  expect(hub.asked.filter((line) => line.includes('/resolve/')).every((line) => line.includes('/vae/diff'))).toBe(true);
});

test('full storage says so, and keeps what fits', async () => {
  serveUnet(LARGE_UNET);
  const store = memoryStore();
  let room = 33 * MIB;
  const append: ModelStore['append'] = async (...args) => {
    room -= args[2].length;
    if (room < 0) throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
    return store.append(...args);
  };
  const models = open({ ...store, append });
  const error = await failure(models.fetch(NAME, {}));
  expect(error).toBeInstanceOf(InputError);
  expect(error.message).toMatch(/^hub:org\/model: the browser's storage is full; delete another model/);
  expect((await models.list())[0]!.have).toBeGreaterThan(32 * MIB);
  room = Infinity;
  await models.fetch(NAME, {});
  await expectWhole(models);
});

test('purging leaves nothing', async () => {
  const models = open();
  await models.fetch(NAME, {});
  await models.purge(NAME);
  expect(await models.list()).toEqual([]);
  expect(await models.look(NAME)).toMatchObject({ have: 0 });
});

test('a model is fetched once at a time, and not purged meanwhile', async () => {
  const models = open();
  const fetching = models.fetch(NAME, {});
  expect((await failure(models.fetch(NAME, {}))).message).toBe(`${NAME} is being fetched already`);
  expect((await failure(models.purge(NAME))).message).toBe(`${NAME} is being fetched; stop that first`);
  await fetching;
});

test('what the hub has not is said plainly', async () => {
  const models = open();
  expect((await failure(models.look('hub:org/other'))).message).toMatch(
    /^hub:org\/other: there is no such model on the hub/,
  );
  expect((await failure(models.look('org/model'))).message).toMatch(/is not a hub model; write hub:ORG\/NAME/);
  await hub.close();
  expect((await failure(models.look(NAME))).message).toMatch(/the hub cannot be reached/);
});

test('a panel without a network says what to do instead', async () => {
  const models = open(memoryStore(), false);
  expect((await failure(models.look(NAME))).message).toBe(
    `${NAME} cannot be fetched: this panel uses no network. Switch to this computer's GPU first, or choose a model's folder`,
  );
  expect(hub.asked).toEqual([]);
});

test("a folder is used as it lies, with or without its name in the files' paths", async () => {
  const models = open();
  const chosen = (prefix: string): Map<string, File> =>
    new Map(Object.entries(FILES).map(([path, content]) => [prefix + path, new File([new Uint8Array(content)], path)]));
  for (const prefix of ['', 'my-model/']) {
    const facts = models.useFolder('my-model', chosen(prefix));
    expect(facts).toMatchObject({ name: 'folder:my-model', bytes: total(), have: total() });
    expect((await models.files('folder:my-model')).get(UNET)!.size).toBe(FILES[UNET]!.length);
  }
  expect(() => models.useFolder('empty', new Map())).toThrow(/^empty has no model_index.json/);
  expect((await failure(models.files('folder:other'))).message).toBe(
    'other was chosen in an earlier session; choose it again',
  );
});
