/** Files the commands write. */
import { linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { prepareFolder, prepareOutput, readBytes, refuseInputs, writeWhole } from '../../cli/files';
import { desk, type Desk } from './desk';

let d: Desk;
beforeEach(() => (d = desk()));
afterEach(() => d.close());

test('a file is written whole, over an older one, and nothing is left beside it', async () => {
  const path = d.at('a.bin');
  await writeWhole(path, Uint8Array.of(1, 2, 3));
  await writeWhole(path, Uint8Array.of(4));
  expect([...(await readBytes(path))]).toEqual([4]);
  expect(readdirSync(d.folder)).toEqual(['a.bin']);
});

test('a write that fails leaves the older file and no draft, and says so in one line', async () => {
  // A folder of that name: the rename fails after the draft is written.
  mkdirSync(d.at('taken/x'), { recursive: true });
  await expect(writeWhole(d.at('taken'), Uint8Array.of(1))).rejects.toThrow(
    /^[^\n]*taken: cannot be written \([^\n]+$/,
  );
  expect(readdirSync(d.folder)).toEqual(['taken']);
});

test('an output must be of its kind, not a folder, and its folder is made', async () => {
  await prepareOutput(d.at('new/deep/s.safetensors'), '.safetensors', []);
  expect(readdirSync(d.at('new'))).toEqual(['deep']);
  await expect(prepareOutput(d.at('s.png'), '.safetensors', [])).rejects.toThrow('name it NAME.safetensors');
  mkdirSync(d.at('folder.png'));
  await expect(prepareOutput(d.at('folder.png'), '.png', [])).rejects.toThrow('is a folder; give the name of a file');
});

test('a folder that cannot be made is named', async () => {
  writeFileSync(d.at('file'), '');
  await expect(prepareFolder(d.at('file/sub'))).rejects.toThrow(/file\/sub: cannot be written to/);
});

test('an input is never the output, by any of its names', async () => {
  writeFileSync(d.at('in.png'), 'x');
  linkSync(d.at('in.png'), d.at('hard.png'));
  symlinkSync(d.at('in.png'), d.at('soft.png'));
  for (const name of ['in.png', 'hard.png', 'soft.png', './in.png'])
    await expect(refuseInputs(d.at(name), [d.at('other.png'), d.at('in.png')])).rejects.toThrow(
      'would overwrite the input',
    );
  await refuseInputs(d.at('new.png'), [d.at('in.png')]);
  expect(readFileSync(d.at('in.png'), 'utf8')).toBe('x');
});

test('a missing file is one line', async () => {
  await expect(readBytes(d.at('none.png'))).rejects.toThrow(
    /none.png: cannot be read \(no such file or directory\); check the path$/,
  );
});
