/** --weights 8-bit: made once on disk, used by every command after, and refused where it makes no sense. */
import { readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { TINY_MODEL } from '../../support/tiny-engine';
import { diskStore } from '../../../cli/inputs/eight-bit-cache';
import { Engine } from '../../../engine/engine';
import { CancelledError } from '../../../engine/errors';
import { nodeBackend } from '../../../engine/runtime/backend-node';
import { eightBitFile, type EightBitFile } from '../../../engine/weights/eight-bit/file';
import { openWeights } from '../../../engine/weights/folder';
import { nodeFolder } from '../../../engine/weights/node-folder';
import { desk, writePair, type Desk } from '../desk';

let d: Desk;
beforeAll(() => {
  d = desk((folder, options, signal) => Engine.open(folder, nodeBackend, options, signal));
  process.env['DIPTYCH_CACHE'] = d.at('cache');
});
afterAll(() => {
  delete process.env['DIPTYCH_CACHE'];
  d.close();
});

const MODEL = ['--model', TINY_MODEL, '--threads', '1', '--weights', '8-bit'];
const kept = (folder = d.at('cache')): string[] => readdirSync(join(folder, '8-bit'));

test('the first command makes them and says so, the next one uses them', async () => {
  const pair = await writePair(d);
  const style = d.at('blue.safetensors');
  const learned = await d.run(
    'learn',
    ...pair,
    '-o',
    style,
    '--steps',
    '1',
    '--content-steps',
    '1',
    '--rank',
    '2',
    ...MODEL,
  );
  expect(learned.code).toBe(0);
  expect(learned.err).toMatch(
    /tiny-model\/unet \(8-bit\): making 0\.\d MiB of weights once, in .*cache.8-bit.\w+\.safetensors\n/,
  );
  expect(kept()).toEqual([expect.stringMatching(/^[0-9a-f]{16}\.safetensors$/)]);
  expect((await d.run('inspect', style)).out).toMatch(/base weights +8-bit/);

  const restyled = await d.run('restyle', style, pair[0], '--steps', '2', '-o', d.at('out'), ...MODEL);
  expect(restyled.code).toBe(0);
  expect(restyled.err).not.toContain('making');
});

test('the bundled models are refused before anything is opened', async () => {
  const refused = await d.run('restyle', 'style.safetensors', 'icon.png', '-o', d.at('none'), '--weights', '8-bit');
  expect(refused.code).toBe(2);
  const pair = await writePair(d);
  for (const model of [[], ['--model', 'pair']]) {
    const { code, err } = await d.run('learn', ...pair, '-o', d.at('s.safetensors'), '--weights', '8-bit', ...model);
    expect(code).toBe(2);
    expect(err).toMatch(
      /^(note: .*\n)?diptych: --weights 8-bit: the bundled models are small and gain nothing by it; name/,
    );
  }
  const { err } = await d.run('learn', ...pair, '-o', d.at('s.safetensors'), '--weights', '4-bit');
  expect(err).toBe('diptych: --weights 4-bit: use one of stored, 8-bit\n');
});

describe('the file on disk', () => {
  const io = { err: () => undefined, interactive: false };
  let file: EightBitFile;
  let written = 0;
  beforeAll(async () => {
    const made = eightBitFile(await openWeights(await nodeFolder(TINY_MODEL), 'unet'), () => true);
    file = { ...made, write: (put, signal) => (written++, made.write(put, signal)) };
  });

  test('is made again only when it is not the one', async () => {
    const store = diskStore(io, d.at('again'));
    const first = await store.open('net', 'key', file);
    expect(first.size).toBe(file.size);
    await store.open('net', 'key', file);
    expect(written).toBe(1);
    truncateSync(join(d.at('again'), '8-bit', 'key.safetensors'), 100);
    const again = await store.open('net', 'key', file);
    expect(written).toBe(2);
    expect(await again.read(0, again.size)).toEqual(await first.read(0, first.size));
    const header = file.header.map((byte, i) => (i === 40 ? byte ^ 1 : byte));
    await store.open('net', 'key', { ...file, header });
    expect(written).toBe(3);
  });

  test('leaves nothing when it is cancelled', async () => {
    const cancelled = { ...file, write: () => Promise.reject(new CancelledError('cancelled')) };
    await expect(diskStore(io, d.at('gone')).open('net', 'key', cancelled)).rejects.toThrow(CancelledError);
    expect(kept(d.at('gone'))).toEqual([]);
  });
});
