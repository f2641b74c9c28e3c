/** The name of a model by all that decides its results: any file of the folder changes it, the folder's own name does not. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { identify, openModel } from '../../engine/diffusion/model';
import { memoryFolder } from '../../engine/weights/folder';
import { TINY_MODEL } from '../support/tiny-engine';

test('a change of any file of a model changes its identity', async () => {
  const paths = readdirSync(TINY_MODEL, { recursive: true, encoding: 'utf8' }).filter((path) => /\.\w+$/.test(path));
  const files = new Map(paths.map((path) => [path, new Uint8Array(readFileSync(join(TINY_MODEL, path)))]));
  const identity = async (name: string, changed: ReadonlyMap<string, Uint8Array>): Promise<string> =>
    identify(await openModel(memoryFolder(name, changed)));
  const original = await identity('a', files);
  expect(await identity('b', files)).toBe(original);
  expect(paths.length).toBeGreaterThanOrEqual(11);
  for (const path of paths) {
    const bytes = files.get(path)!;
    // The last byte of a weight; in texts white space at the end.
    const changed = path.endsWith('.safetensors')
      ? Uint8Array.from(bytes, (byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte))
      : Uint8Array.from([...bytes, 10]);
    const found = await identity('a', new Map([...files, [path, changed]]));
    expect([path, found === original]).toEqual([path, false]);
  }
});
