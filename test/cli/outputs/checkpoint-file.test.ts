/** Checkpoints on disk when the disk does not take them. */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { CheckpointFile } from '../../../cli/outputs/checkpoint-file';
import { desk, type Desk } from '../desk';

let d: Desk;
let told: string[];
beforeEach(() => {
  d = desk();
  told = [];
});
afterEach(() => d.close());

const file = (retryMs?: number): CheckpointFile =>
  new CheckpointFile(d.at('run/s.checkpoint'), (line) => told.push(line), retryMs);

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('a failed write is told once and tried again by itself, with what is newest', async () => {
  const checkpoint = file(20);
  checkpoint.put(Uint8Array.of(1));
  await until(() => told.length > 0);
  checkpoint.put(Uint8Array.of(2));
  await new Promise((resolve) => setTimeout(resolve, 80));
  expect(told).toEqual([
    expect.stringMatching(/^warning: [^\n]*s\.checkpoint: cannot be written \(no such file[^\n]+$/),
  ]);

  mkdirSync(d.at('run'));
  await until(() => existsSync(d.at('run/s.checkpoint')));
  expect([...readFileSync(d.at('run/s.checkpoint'))]).toEqual([2]);
  await until(() => told.length === 2);
  expect(await checkpoint.save()).toEqual({ path: d.at('run/s.checkpoint') });
});

test('what cannot be written when the run is cancelled is kept elsewhere', async () => {
  const checkpoint = file();
  checkpoint.put(Uint8Array.of(7));
  const saved = await checkpoint.save();
  expect(saved?.elsewhere).toContain('no such file');
  expect([...readFileSync(saved!.path)]).toEqual([7]);
  // Others who use this machine are not to read it.
  expect(statSync(dirname(saved!.path)).mode & 0o077).toBe(0);
  rmSync(dirname(saved!.path), { recursive: true });
});

test('the last of many is on disk, and is removed with the run', async () => {
  mkdirSync(d.at('run'));
  const checkpoint = file();
  for (let i = 0; i < 20; i++) checkpoint.put(Uint8Array.of(i));
  expect(await checkpoint.save()).toEqual({ path: checkpoint.path });
  expect([...readFileSync(checkpoint.path)]).toEqual([19]);
  checkpoint.put(Uint8Array.of(20));
  await checkpoint.remove({ always: false });
  expect(existsSync(checkpoint.path)).toBe(false);
  expect(told).toEqual([]);
});

test('without a checkpoint there is nothing to save or remove', async () => {
  mkdirSync(d.at('run'));
  expect(await file().save()).toBeUndefined();
  await file().remove({ always: false });
});
