/** Whose fault it is: what the picture pays for with a try, and what the machine answers for. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeviceError, InputError } from '../../engine/errors';
import { runEmbedded } from '../../batch/embedded';
import { machineError, MachineError, SlotError } from '../../batch/errors';
import type { PictureCodec } from '../../batch/host';
import { sha256, type BatchJob, type BatchSpec } from '../../batch/job';
import { JobFiles } from '../../batch/slot/job-files';
import { Journal } from '../../batch/journal';
import { prepareOwnFolder, writeOutput } from '../../batch/output';
import { SlotHealth } from '../../batch/queue/health';
import { isTriedAgain, reasonOf, type PictureJob } from '../../batch/queue/registry';
import type { SlotPool } from '../../batch/slot/pool';
import { SlotDiedError } from '../../batch/slot/slot';
import { desk } from '../cli/desk';

let folder: string;
const at = (...names: string[]): string => join(folder, ...names);
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'diptych-faults-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const errorOf = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => new Error('it was done'),
    (error: Error) => error,
  );

describe('an output that cannot be written', () => {
  const write = (...place: string[]): Promise<Error> =>
    errorOf(writeOutput(at('out'), 'key', at('out', ...place), Buffer.from('x')));

  test('is the fault of its own path when DIR itself takes files; nothing is left of it', async () => {
    await prepareOwnFolder(at('out'));
    mkdirSync(at('out/folder.png'));
    writeFileSync(at('out/file'), 'file');
    for (const place of [['folder.png'], ['file', 'a.png'], [`${'n'.repeat(252)}.png`], ['n'.repeat(300), 'a.png']]) {
      const error = await write(...place);
      expect([error instanceof InputError, error instanceof MachineError]).toEqual([true, false]);
      expect(error.message).toContain(`${at('out', ...place)}: cannot be written (`);
    }
    expect(readdirSync(at('out/.diptych/tmp'))).toEqual([]);
    expect((await write('sub', 'a.png')).message).toBe('it was done');
    expect(readFileSync(at('out/sub/a.png'), 'utf8')).toBe('x');
  });

  test("is the machine's fault when DIR is not mounted; DIR is not made", async () => {
    const error = await write('sub', 'a.png');
    expect(error).toBeInstanceOf(MachineError);
    expect(error.message).toMatch(/out: holds no \.diptych on this machine, .*; mount it under this path/);
    expect(existsSync(at('out'))).toBe(false);
    // A mount point is there without its mount.
    mkdirSync(at('out'));
    expect(await write('a.png')).toBeInstanceOf(MachineError);
    expect(readdirSync(at('out'))).toEqual([]);
  });

  test('of system errors only those of a path are not the machine', () => {
    const fault = (code: string): boolean =>
      machineError('p', Object.assign(new Error(code), { code }), 'written') !== undefined;
    expect(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE', 'ESTALE'].filter(fault)).toHaveLength(7);
    expect(['EISDIR', 'ENOTDIR', 'ENAMETOOLONG', 'EACCES', 'EEXIST', 'ENOENT'].filter(fault)).toEqual([]);
  });
});

test('an input that is gone costs its picture a try; without the folder of all inputs it does not', async () => {
  const job: BatchJob = { key: 'k', input: at('in/sub/a.png'), inputSha: sha256('a'), outputs: [] };
  const order = { job, root: at('out'), inputs: [at('other'), at('in')], settings: {}, overwrite: false, styles: [] };
  const attempt = (): Promise<Error> => errorOf(new JobFiles(undefined as unknown as PictureCodec).begin(order));
  const gone = await attempt();
  expect([gone instanceof MachineError, gone.message]).toEqual([true, expect.stringContaining('mount it under this')]);
  mkdirSync(at('in'));
  const empty = await attempt();
  expect([empty instanceof MachineError, empty.message]).toEqual([true, expect.stringContaining('in: the folder of')]);
  writeFileSync(at('in/b.png'), 'b');
  const deleted = await attempt();
  expect([deleted instanceof MachineError, deleted.message]).toEqual([
    false,
    `${job.input}: is no longer there; put it back, or leave it out`,
  ]);
});

describe('the health of slots', () => {
  const died = new SlotDiedError('it was killed');

  test('one picture that ends its process each time is at fault; three different ones in a row are not', () => {
    const health = new SlotHealth(60_000);
    for (let i = 0; i < 5; i++) expect(health.faultOf(died, 'a')).toBeUndefined();
    expect(health.faultOf(new DeviceError('lost'), 'b')).toBeUndefined();
    health.succeeded();
    for (const key of ['c', 'd']) expect(health.faultOf(died, key)).toBeUndefined();
    expect(health.isResting).toBe(false);
    expect(health.faultOf(died, 'e')).toEqual(
      new SlotError('3 pictures in a row failed in the same way: it was killed'),
    );
    expect(health.isResting).toBe(true);
    expect(health.faultOf(new InputError('no picture'), 'f')).toBeUndefined();
  });

  test('it gives up the third time in a row, and what all slots say at once counts once', () => {
    jest.useFakeTimers();
    try {
      const health = new SlotHealth(1000);
      const gone = new SlotError('gone');
      const fail = (): void => {
        for (let i = 0; i < 8; i++) expect(health.faultOf(gone, 'a')).toBe(gone);
        jest.advanceTimersByTime(1001);
      };
      fail();
      fail();
      health.succeeded();
      fail();
      fail();
      expect(health.gaveUp).toBeUndefined();
      fail();
      expect(health.gaveUp).toBe(gone);
      expect(new SlotHealth(1).faultOf(new MachineError('full'), 'a')).toBeInstanceOf(MachineError);
    } finally {
      jest.useRealTimers();
    }
  });
});

test('a run on this machine gives a picture back when no slot can be started, and stops the third time in a row', async () => {
  const batch: BatchSpec = {
    ...{ name: 'b', version: '1', model: { name: 'm', fingerprint: 'f' }, styles: [], settings: {}, strengths: [[1]] },
    ...{ output: at('out'), overwrite: false, created: 0 },
  };
  const list = ['a', 'b', 'c'].map((key): BatchJob => ({ key, input: key, inputSha: key, outputs: [] }));
  const outcomes = (...works: readonly boolean[]): SlotPool => {
    const next = works[Symbol.iterator]();
    const pool: Pick<SlotPool, 'size' | 'run' | 'clear'> = {
      size: 1,
      clear: () => undefined,
      run: async () => {
        if (!next.next().value) throw new SlotError('the model cannot be opened on this machine: gone');
        return { result: { width: 1, height: 1, seconds: 0, engineSeconds: 0 } };
      },
    };
    return pool as SlotPool;
  };
  const failures: string[] = [];
  const run = async (pool: SlotPool): Promise<unknown> =>
    runEmbedded(batch, list, pool, new Map(), await Journal.start(batch, [], 3), {
      onFailed: (_, reason) => void failures.push(reason),
    });
  expect(await run(outcomes(true, false, true, false, false, true))).toEqual({ done: 3, failed: 0 });
  await expect(run(outcomes(true, false, false, false))).rejects.toThrow(
    /gone; then run the same command again: 2 pictures are left to do$/,
  );
  expect(failures).toEqual([]);
});

test('a picture whose workers died too often is not tried again; a reason with like letters is another one', () => {
  const job = { data: { input: '/a.png' }, attemptsMade: 1 } as PictureJob;
  const stalled = 'job stalled more than allowable limit';
  expect([isTriedAgain(job, stalled), reasonOf(job, stalled)]).toEqual([false, '/a.png: ended the worker 3 times']);
  const other = '/a.png: the codec is not installed';
  expect([isTriedAgain(job, other), reasonOf(job, other)]).toEqual([true, other]);
});

test('options that only a queue obeys are refused without one, and so are two that contradict each other', async () => {
  const d = desk();
  try {
    const refusal = async (...argv: string[]): Promise<unknown> => {
      const { code, err } = await d.run('batch', 's.safetensors', 'in', '-o', 'out', ...argv);
      return [code, err];
    };
    for (const option of ['--wait', '--detach', '--transfer']) {
      expect(await refusal(option)).toEqual([2, `diptych: ${option} is for a queue; name it with --queue URL\n`]);
    }
    expect(await refusal('--wait', '--detach', '--queue', 'redis://127.0.0.1:1')).toEqual([
      2,
      'diptych: --wait and --detach contradict each other; leave one out\n',
    ]);
  } finally {
    d.close();
  }
});
