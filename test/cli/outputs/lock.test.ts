/** Locks of outputs: held by the living, taken over from the dead. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { tidyUp } from '../../../cli/terminal/ending';
import { lockOutput, lockPath } from '../../../cli/outputs/lock';
import { desk, type Desk } from '../desk';

let d: Desk;
let output: string;
beforeEach(() => {
  d = desk();
  output = d.at('s.safetensors');
});
afterEach(() => d.close());

interface Owner {
  pid: number;
  host: string;
  since: number;
  started: string | null;
  token: string;
}

/** Writes a lock like one of ours with some things changed. */
async function forge(changes: Partial<Owner>): Promise<void> {
  const lock = await lockOutput(output);
  const owner = JSON.parse(readFileSync(lockPath(output), 'utf8')) as Owner;
  await lock.release();
  writeFileSync(lockPath(output), JSON.stringify({ ...owner, ...changes }));
}

async function expectTaken(): Promise<void> {
  const lock = await lockOutput(output);
  await lock.release();
  expect(readdirSync(d.folder)).toEqual([]);
}

/** The number of a process that has just ended. */
const deadPid = (): number => spawnSync(process.execPath, ['-e', '']).pid;

test('a second run is refused until the first is over, and of many at once one gets it', async () => {
  const lock = await lockOutput(output);
  await expect(lockOutput(output)).rejects.toThrow(
    new RegExp(`^[^\\n]*another run is writing it \\(process ${process.pid}, since [^\\n]*\\); wait for it, or choose`),
  );
  await lock.release();
  const locks = await Promise.allSettled(Array.from({ length: 8 }, () => lockOutput(output)));
  const held = locks.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  expect(held).toHaveLength(1);
  await held[0]!.release();
  expect(readdirSync(d.folder)).toEqual([]);
});

test('the lock of a dead process is taken over', async () => {
  await forge({ pid: deadPid() });
  await expectTaken();
});

(existsSync('/proc/self/stat') ? test : test.skip)('a killed process that nobody waited for is dead', async () => {
  // The shell becomes a program that never asks for its child's exit code.
  const parent = spawn('bash', ['-c', 'sleep 0 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const pid = Number(String((await once(parent.stdout, 'data'))[0]));
    while (!/\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) await new Promise((wake) => setTimeout(wake, 5));
    await forge({ pid, started: null });
    await expectTaken();
  } finally {
    parent.kill('SIGKILL');
  }
});

test('of many that take over a dead lock, one gets it', async () => {
  await forge({ pid: deadPid() });
  const locks = await Promise.allSettled(Array.from({ length: 8 }, () => lockOutput(output)));
  expect(locks.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('a process that has the number of a dead one is not taken for it', async () => {
  const { started } = JSON.parse(await textOfLock()) as Owner;
  // Where the system does not say when a process started, there is nothing to tell them apart by.
  if (started === null) return;
  await forge({ started: String(Number(started) - 1) });
  await expectTaken();
});

test('a lock from before the machine started is dead', async () => {
  await forge({ since: 0 });
  await expectTaken();
});

test('the lock of another machine is left alone, and how to remove it is said', async () => {
  await forge({ host: 'elsewhere', pid: deadPid() });
  await expect(lockOutput(output)).rejects.toThrow(
    /a run on elsewhere is writing it \(since \d{4}-\d\d-\d\d \d\d:\d\d UTC\); [^\n]*delete [^\n]*\.lock if that run is over$/,
  );
});

test('what is no lock of ours, though it is JSON, counts as torn', async () => {
  for (const text of [
    'null',
    '[]',
    '{"pid":1.5,"host":"x","since":1,"token":"t"}',
    '{"pid":1,"since":1,"token":"t"}',
  ]) {
    writeFileSync(lockPath(output), text);
    await expect(lockOutput(output)).rejects.toThrow(`${output}: another run is writing it; wait for it, or choose`);
  }
});

test('a torn lock is respected while it is young, and then taken over', async () => {
  writeFileSync(lockPath(output), '{"pid":');
  await expect(lockOutput(output)).rejects.toThrow('another run is writing it');
  const old = new Date(Date.now() - 60_000);
  utimesSync(lockPath(output), old, old);
  await expectTaken();
});

test('a process that ends gives its locks back, and only its own', async () => {
  await lockOutput(output);
  const other = await lockOutput(d.at('other'));
  writeFileSync(lockPath(d.at('other')), readFileSync(lockPath(output), 'utf8').replace(/"token":"./, '"token":"-'));
  tidyUp();
  await other.release();
  expect(readdirSync(d.folder)).toEqual(['other.lock']);
});

async function textOfLock(): Promise<string> {
  const lock = await lockOutput(output);
  const text = readFileSync(lockPath(output), 'utf8');
  await lock.release();
  return text;
}
