/** Model folders in memory and on disk, and finding the weights in them. */
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryFolder, openWeights } from '../../engine/weights/folder';
import { fileSource } from '../../engine/weights/node-file';
import { nodeFolder } from '../../engine/weights/node-folder';
import { writeSafetensors } from '../../engine/weights/safetensors';
import { MissingFileError } from '../../engine/weights/source';
import { inputError } from './support';

const weights = (name: string, value: number, dtype: 'F32' | 'F16' = 'F32') =>
  writeSafetensors([{ name, dtype, shape: [1], data: Float32Array.of(value) }]);
const json = (value: unknown): Uint8Array<ArrayBuffer> => new TextEncoder().encode(JSON.stringify(value));
const folder = (files: Record<string, Uint8Array | Blob>) => memoryFolder('model', new Map(Object.entries(files)));

describe('openWeights', () => {
  test.each([
    'diffusion_pytorch_model.safetensors',
    'model.safetensors',
    'diffusion_pytorch_model.fp16.safetensors',
    'model.fp16.safetensors',
  ])('finds %s', async (name) => {
    const set = await openWeights(folder({ [`unet/${name}`]: weights('t', 3) }), 'unet');
    expect(set.name).toBe('model/unet');
    expect(set.names()).toEqual(['t']);
    expect(await set.floats('t')).toEqual(Float32Array.of(3));
    expect(set.get('t')!.file).toBe(set.files[0]);
    expect(set.get('toString')).toBeUndefined();
    expect(await inputError(set.floats('u'))).toMatch(/model\/unet: has no tensor "u"/);
  });

  test('finds weights at the top of a folder', async () => {
    const set = await openWeights(folder({ 'model.safetensors': weights('t', 3) }), '');
    expect(set.name).toBe('model');
    expect(await set.floats('t')).toEqual(Float32Array.of(3));
  });

  test('takes full precision first, half on request', async () => {
    const both = folder({
      'unet/diffusion_pytorch_model.safetensors': weights('t', 1),
      'unet/diffusion_pytorch_model.fp16.safetensors': weights('t', 2, 'F16'),
    });
    expect(await (await openWeights(both, 'unet')).floats('t')).toEqual(Float32Array.of(1));
    expect(await (await openWeights(both, 'unet', { preferHalf: true })).floats('t')).toEqual(Float32Array.of(2));
  });

  const shards = {
    'unet/a-1.safetensors': weights('t', 1),
    'unet/a-2.safetensors': new Blob([weights('u', 2)]),
  };
  test.each(['diffusion_pytorch_model.safetensors.index.json', 'model.safetensors.index.fp16.json'])(
    'joins the shards of %s',
    async (index) => {
      const map = { weight_map: { t: 'a-1.safetensors', u: 'a-2.safetensors' } };
      const set = await openWeights(folder({ ...shards, [`unet/${index}`]: json(map) }), 'unet');
      expect(set.files.map((file) => file.source.name)).toEqual([
        'model/unet/a-1.safetensors',
        'model/unet/a-2.safetensors',
      ]);
      expect(await set.floats('u')).toEqual(Float32Array.of(2));
      expect(set.get('t')!.file).toBe(set.files[0]);
    },
  );

  test.each<[string, unknown, RegExp]>([
    ['no map', {}, /no "weight_map"/],
    ['a file outside', { weight_map: { t: '../a-1.safetensors' } }, /not a path inside the folder/],
    ['an absolute file', { weight_map: { t: '/etc/a.safetensors' } }, /not a path inside the folder/],
    ['a backslash', { weight_map: { t: '..\\a.safetensors' } }, /not a path inside the folder/],
    ['a pickle', { weight_map: { t: 'a.bin' } }, /not a .safetensors file/],
    ['a missing shard', { weight_map: { t: 'a-3.safetensors' } }, /a-3.safetensors: no such file/],
    ['a missing tensor', { weight_map: { v: 'a-1.safetensors' } }, /a-1.safetensors: lacks tensor "v"/],
  ])('refuses an index with %s', async (_, index, message) => {
    const files = folder({ ...shards, 'unet/model.safetensors.index.json': json(index) });
    expect(await inputError(openWeights(files, 'unet'))).toMatch(message);
  });

  test('says what was expected when there is nothing to load', async () => {
    const message = await inputError(
      openWeights(folder({ 'unet/diffusion_pytorch_model.bin': weights('t', 1) }), 'unet'),
    );
    expect(message).toMatchInlineSnapshot(
      `"model/unet holds no .safetensors weights; expected one of diffusion_pytorch_model.safetensors, model.safetensors, diffusion_pytorch_model.fp16.safetensors, model.fp16.safetensors (or their .index.json); .bin and .ckpt pickle files are never loaded"`,
    );
  });
});

describe('folders', () => {
  test('memory: reads, lists, and says what is missing', async () => {
    const files = folder({ 'a.json': json({ b: 1 }), 'c/d.txt': new Blob(['text']), bad: Uint8Array.of(0xff) });
    expect(await files.json('a.json')).toEqual({ b: 1 });
    expect(await files.text('c/d.txt')).toBe('text');
    expect(await files.has('c/d.txt')).toBe(true);
    expect(await files.has('c')).toBe(false);
    expect(await files.list!()).toEqual(['a.json', 'c/d.txt', 'bad']);
    await expect(files.open('e')).rejects.toThrow(MissingFileError);
    expect(await inputError(files.text('bad'))).toMatch(/model\/bad: is not UTF-8/);
    for (const path of ['', '/a.json', './a.json', 'c/../a.json', 'c//d.txt', 'C:a.json', 'a\0']) {
      expect(await inputError(files.open(path))).toMatch(/not a path inside/);
    }
  });

  describe('on disk', () => {
    let root: string;
    beforeAll(async () => {
      root = await mkdtemp(join(tmpdir(), 'diptych-'));
      await mkdir(join(root, 'unet'));
      await writeFile(join(root, 'unet/model.safetensors'), weights('t', 5));
      await writeFile(join(root, 'model_index.json'), '{"_class_name":"StableDiffusionPipeline"}');
    });
    afterAll(() => rm(root, { recursive: true }));

    test('reads, lists, and says what is missing', async () => {
      const files = await nodeFolder(root, 'model');
      expect(await files.list!()).toEqual(['model_index.json', 'unet/model.safetensors']);
      expect(await files.json('model_index.json')).toEqual({ _class_name: 'StableDiffusionPipeline' });
      expect(await files.has('unet')).toBe(false);
      expect(await files.has('vae/config.json')).toBe(false);
      expect(await (await openWeights(files, 'unet')).floats('t')).toEqual(Float32Array.of(5));
      expect(await inputError(files.open('../x'))).toMatch(/not a path inside/);
      expect(await inputError(nodeFolder(join(root, 'none')))).toMatch(/cannot be opened/);
      expect(await inputError(nodeFolder(join(root, 'model_index.json')))).toMatch(/not a folder/);
    });

    test('a file source reads ranges, knows its path, and notices a shortened file', async () => {
      const path = join(root, 'data');
      await writeFile(path, Uint8Array.of(1, 2, 3, 4, 5));
      const source = await fileSource(path, 'data');
      expect([...(await source.read(1, 3))]).toEqual([2, 3, 4]);
      expect(await source.read(5, 0)).toHaveLength(0);
      expect([...((await source.asBlobOrBytes()) as Uint8Array)]).toEqual([1, 2, 3, 4, 5]);
      expect(source.path).toBe(path);
      await expect(source.read(3, 3)).rejects.toThrow(RangeError);
      await expect(source.read(0, 1, AbortSignal.abort())).rejects.toMatchObject({ name: 'CancelledError' });
      await truncate(path, 2);
      expect(await inputError(source.read(0, 5))).toMatch(/became shorter/);
      await expect(fileSource(join(root, 'none'))).rejects.toThrow(MissingFileError);
    });
  });
});
