/** Files the commands write. */
import { linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { tidyUp } from '../../../cli/terminal/ending';
import { readBytes } from '../../../cli/inputs/files';
import {
  KeptElsewhereError,
  prepareFolder,
  prepareOutput,
  refuseExisting,
  refuseInputs,
  writeResult,
  writeWhole,
} from '../../../cli/outputs/output';
import { desk, type Desk } from '../desk';

let d: Desk;
beforeEach(() => (d = desk()));
afterEach(() => d.close());

const REPLACE = { overwrite: true };
const KEEP = { overwrite: false };

test('a file is written whole, over an older one if asked, and nothing is left beside it', async () => {
  const path = d.at('a.bin');
  await writeWhole(path, Uint8Array.of(1, 2, 3), KEEP);
  await writeWhole(path, Uint8Array.of(4), REPLACE);
  expect([...(await readBytes(path))]).toEqual([4]);
  await expect(writeWhole(path, Uint8Array.of(5), KEEP)).rejects.toThrow(/^[^\n]*a\.bin: [^\n]*--overwrite$/);
  expect([...(await readBytes(path))]).toEqual([4]);
  expect(readdirSync(d.folder)).toEqual(['a.bin']);
});

test('of many that write one new file at once, one does', async () => {
  const writes = Array.from({ length: 8 }, (_, i) => writeWhole(d.at('a.bin'), Uint8Array.of(i), KEEP));
  const done = (await Promise.allSettled(writes)).map(({ status }) => status === 'fulfilled');
  expect(done.filter(Boolean)).toHaveLength(1);
  expect([...readFileSync(d.at('a.bin'))]).toEqual([done.indexOf(true)]);
  expect(readdirSync(d.folder)).toEqual(['a.bin']);
});

test('a name as long as the file system allows', async () => {
  const path = d.at(`${'n'.repeat(251)}.png`);
  await writeWhole(path, Uint8Array.of(1), KEEP);
  expect([...(await readBytes(path))]).toEqual([1]);
});

test('a link is replaced, not followed', async () => {
  writeFileSync(d.at('precious'), 'x');
  symlinkSync(d.at('precious'), d.at('a.bin'));
  await expect(writeWhole(d.at('a.bin'), Uint8Array.of(1), KEEP)).rejects.toThrow('--overwrite');
  await writeWhole(d.at('a.bin'), Uint8Array.of(1), REPLACE);
  expect(readFileSync(d.at('precious'), 'utf8')).toBe('x');
  expect([...readFileSync(d.at('a.bin'))]).toEqual([1]);
});

test('a write that fails leaves the older file and no draft, and says so in one line', async () => {
  // A folder of that name: the rename fails after the draft is written.
  mkdirSync(d.at('taken/x'), { recursive: true });
  await expect(writeWhole(d.at('taken'), Uint8Array.of(1), REPLACE)).rejects.toThrow(
    /^[^\n]*taken: cannot be written \([^\n]+$/,
  );
  expect(readdirSync(d.folder)).toEqual(['taken']);
});

test('the draft of a process that is ended goes with it', async () => {
  const writing = writeWhole(d.at('a.bin'), new Uint8Array(1 << 24), KEEP);
  while (readdirSync(d.folder).length === 0) await new Promise(setImmediate);
  tidyUp();
  expect(readdirSync(d.folder)).toEqual([]);
  await writing.catch(() => undefined);
});

test('a result that cannot be written where it was asked for is kept, and said where', async () => {
  mkdirSync(d.at('s.safetensors'));
  const error: unknown = await writeResult(d.at('s.safetensors'), Uint8Array.of(9), REPLACE).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(KeptElsewhereError);
  const { message, kept } = error as KeptElsewhereError;
  expect(message).toMatch(
    /^[^\n]*s\.safetensors: cannot be written \([^\n]*\); it is kept in [^\n]+, move it from there$/,
  );
  expect(message).toContain(kept);
  expect([...readFileSync(kept)]).toEqual([9]);
  await rm(dirname(kept), { recursive: true });
});

test('an output must be of its kind, not a folder, and its folder is made', async () => {
  await prepareOutput(d.at('new/deep/s.safetensors'), '.safetensors', [], KEEP);
  expect(readdirSync(d.at('new'))).toEqual(['deep']);
  await expect(prepareOutput(d.at('s.png'), '.safetensors', [], KEEP)).rejects.toThrow('name it NAME.safetensors');
  mkdirSync(d.at('folder.png'));
  await expect(prepareOutput(d.at('folder.png'), '.png', [], REPLACE)).rejects.toThrow(
    'is a folder; give the name of a file',
  );
});

test('an output that is there already is refused by name, unless it may be replaced', async () => {
  writeFileSync(d.at('a.png'), '');
  await expect(prepareOutput(d.at('a.png'), '.png', [], KEEP)).rejects.toThrow(
    /a\.png is already there; choose another -o, or replace it with --overwrite$/,
  );
  await prepareOutput(d.at('a.png'), '.png', [], REPLACE);
  for (const name of ['b', 'c', 'd', 'e']) writeFileSync(d.at(name), '');
  await expect(refuseExisting(['a.png', 'x', 'b', 'c', 'd', 'e'].map(d.at), KEEP)).rejects.toThrow(
    /a\.png, [^\n]*b, [^\n]*c and 2 more are already there/,
  );
});

test('a folder that cannot be made is named', async () => {
  writeFileSync(d.at('file'), '');
  await expect(prepareFolder(d.at('file/sub'))).rejects.toThrow(/file\/sub: cannot be written to \(not a directory\)/);
  await expect(prepareFolder(d.at('file'))).rejects.toThrow(/file: cannot be written to \(it is a file\); choose/);
  // mkdir of Node 20 with `recursive` does not return from here.
  if (process.platform === 'linux') await expect(prepareFolder('/proc/x/y')).rejects.toThrow('/proc/x/y: cannot be');
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
  // Another file that is there is not an input.
  writeFileSync(d.at('old.png'), '');
  await refuseInputs(d.at('old.png'), [d.at('in.png'), d.at('gone.png')]);
  expect(readFileSync(d.at('in.png'), 'utf8')).toBe('x');
});
