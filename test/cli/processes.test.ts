/** The built command as a process: real signals, files that cannot be written, runs beside each other. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { lockPath } from '../../cli/outputs/lock';
import { drawing, PALE, RED, TINY_MODEL } from '../support/tiny-engine';
import { desk, writePair, writePng, type Desk } from './desk';

const CLI = resolve('dist/cli/diptych.mjs');
const MODEL = ['--model', resolve(TINY_MODEL), '--threads', '1'];
/** More than any test waits for. */
const LONG = ['--steps', '100000', '--content-steps', '0', '--rank', '2', ...MODEL];
const SHORT = ['--steps', '2', '--content-steps', '1', '--rank', '2', ...MODEL];

let d: Desk;
let pair: [string, string];
let tmp: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  d = desk();
  pair = await writePair(d);
  tmp = d.at('tmp');
  mkdirSync(tmp);
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  d.close();
});

interface Run {
  readonly child: ChildProcess;
  readonly err: () => string;
  /** Waits until standard error matches. */
  readonly shows: (pattern: RegExp) => Promise<void>;
  readonly done: Promise<{ code: number | null; signal: NodeJS.Signals | null; out: string; err: string }>;
}

/** @param before what bash does before it becomes the command, such as setting a limit. */
function start(argv: readonly string[], before = ':'): Run {
  const child = spawn('bash', ['-c', `${before}; exec "$@"`, 'bash', process.execPath, CLI, ...argv], {
    env: { PATH: process.env['PATH'], TMPDIR: tmp },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let out = '';
  let err = '';
  const watchers = new Set<() => void>();
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => {
    err += data.toString();
    for (const watch of watchers) watch();
  });
  const done = new Promise<Awaited<Run['done']>>((end) =>
    child.on('close', (code, signal) => end({ code, signal, out, err })),
  );
  const shows = (pattern: RegExp): Promise<void> =>
    new Promise((found, lost) => {
      const watch = (): void => {
        if (pattern.test(err)) found();
      };
      watchers.add(watch);
      watch();
      void done.then(() => lost(new Error(`ended without showing ${String(pattern)}:\n${err}`)));
    });
  return { child, err: () => err, shows, done };
}

const sleep = (ms: number): Promise<void> => new Promise((wake) => setTimeout(wake, ms));

/** Steps done, as the checkpoint's header says. */
function stepsIn(checkpoint: string): number {
  const bytes = readFileSync(checkpoint);
  const header = bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString();
  return Number((JSON.parse(header) as { __metadata__: { step: string } }).__metadata__.step);
}

/** What lies in the folder beside the inputs. */
const left = (): string[] => readdirSync(d.folder).filter((name) => !/^(before|after)\.png$|^tmp$/.test(name));

test.each([
  [
    'Ctrl-C delivered twice within 3 ms',
    async (run: Run) => {
      run.child.kill('SIGINT');
      await sleep(3);
      run.child.kill('SIGINT');
    },
  ],
  ['SIGTERM', async (run: Run) => void run.child.kill('SIGTERM')],
])('learn: %s saves a checkpoint and exits with 130', async (_, interrupt) => {
  const output = d.at('s.safetensors');
  const run = start(['learn', ...pair, '-o', output, ...LONG]);
  await run.shows(/learning [1-9]/);
  await interrupt(run);
  const { code, err } = await run.done;
  expect(code).toBe(130);
  expect(err).toContain('cancelling, the work so far is being saved');
  expect(err).toMatch(
    /cancelled after \d+ of 100000 steps; saved in [^\n]*s\.safetensors\.checkpoint\nTo go on:\n {2}node /,
  );
  expect(stepsIn(`${output}.checkpoint`)).toBeGreaterThan(0);
  expect(left()).toEqual(['s.safetensors.checkpoint']);
});

/** The process that computes: it holds the lock. */
const worker = (output: string): number => (JSON.parse(readFileSync(lockPath(output), 'utf8')) as { pid: number }).pid;

test.each([
  ['is stopped in the middle of a step', 'SIGSTOP', 130, /cancelled in the middle of a step; saved up to/],
  ['is killed', 'SIGKILL', 1, /the process was killed \(SIGKILL[^\n]*; saved up to/],
] as const)('learn: a process that %s is answered for at once, with its checkpoint', async (_, how, code, message) => {
  const output = d.at('s.safetensors');
  const run = start(['learn', ...pair, '-o', output, '--json', ...LONG]);
  while (!existsSync(`${output}.checkpoint`)) await sleep(50);
  const pid = worker(output);
  process.kill(pid, how);
  if (how === 'SIGSTOP') run.child.kill('SIGINT');
  const done = await run.done;
  expect(done.code).toBe(code);
  expect(done.err).toMatch(message);
  expect(done.err).toMatch(/\nTo go on:\n {2}node [^\n]* --resume\n$/);
  expect(JSON.parse(done.out)).toMatchObject({ exitCode: code, checkpoint: `${output}.checkpoint` });
  expect(() => process.kill(pid, 0)).toThrow();
  expect(left()).toEqual(['s.safetensors.checkpoint']);
  expect(stepsIn(`${output}.checkpoint`)).toBeGreaterThan(0);
});

test('two runs at one output, one that was killed, and one that goes on', async () => {
  const output = d.at('s.safetensors');
  const argv = ['learn', ...pair, '-o', output, ...LONG];
  const first = start(argv);
  await first.shows(/learning [1-9]/);
  const second = await start(argv).done;
  expect(second.code).toBe(2);
  expect(second.err).toMatch(/^diptych: [^\n]*another run is writing it \(process \d+[^\n]*\n$/);

  while (!existsSync(`${output}.checkpoint`)) await sleep(20);
  // The process above first, so that nobody tidies up after the one that computes.
  first.child.kill('SIGKILL');
  process.kill(Number(/\(process (\d+)/.exec(second.err)![1]), 'SIGKILL');
  await first.done;
  expect(existsSync(lockPath(output))).toBe(true);
  const steps = stepsIn(`${output}.checkpoint`);

  const fresh = await start(argv).done;
  expect(fresh.code).toBe(2);
  expect(fresh.err).toMatch(/an unfinished run is kept there; go on with --resume, choose another -o, or start over/);
  expect(stepsIn(`${output}.checkpoint`)).toBe(steps);

  const resumed = start([...argv, '--resume']);
  await resumed.shows(/learning [1-9]/);
  resumed.child.kill('SIGINT');
  expect((await resumed.done).code).toBe(130);
  expect(stepsIn(`${output}.checkpoint`)).toBeGreaterThan(steps);
  expect(existsSync(lockPath(output))).toBe(false);
});

test('a disk that takes the style but not the checkpoint', async () => {
  const output = d.at('s.safetensors');
  expect((await start(['learn', ...pair, '-o', d.at('t.safetensors'), ...SHORT]).done).code).toBe(0);
  const limit = Math.ceil(statSync(d.at('t.safetensors')).size / 1024) + 1;
  // The checkpoint of step 50 is larger, and fails.
  const argv = ['learn', ...pair, '-o', output, '--steps', '60', '--content-steps', '0', '--rank', '2', ...MODEL];
  const { code, err } = await start(argv, `ulimit -f ${limit}`).done;
  expect(err).toMatch(/warning: [^\n]*s\.safetensors\.checkpoint: cannot be written \(file too large\)[^\n]*goes on/);
  expect(code).toBe(0);
  expect(left().sort()).toEqual(['s.safetensors', 't.safetensors']);
});

test('a folder that is gone when the style is learned: it is kept, and said where', async () => {
  const output = d.at('out/s.safetensors');
  const run = start(['learn', ...pair, '-o', output, '--steps', '300', '--rank', '2', '--json', ...MODEL]);
  await run.shows(/learning [1-9]/);
  rmSync(d.at('out'), { recursive: true });
  const { code, out, err } = await run.done;
  expect(code).toBe(2);
  const { kept, error } = JSON.parse(out) as { kept: string; error: string };
  expect(error).toMatch(/out\/s\.safetensors: cannot be written \([^)]*\); it is kept in [^ ]*, move it from there$/);
  expect(err).toContain(kept);
  expect(kept.startsWith(tmp)).toBe(true);
  expect(readFileSync(kept).subarray(8, 9).toString()).toBe('{');
});

test('restyle: Ctrl-C lists what is done, and the line it prints does the rest', async () => {
  const style = d.at('s.safetensors');
  expect((await start(['learn', ...pair, '-o', style, ...SHORT]).done).code).toBe(0);
  const inputs = Array.from({ length: 12 }, (_, i) => d.at(`in-${i}.png`));
  for (const path of inputs) await writePng(path, drawing(48, 48, RED, PALE));
  const run = start(['restyle', style, ...inputs, '-o', d.at('out'), '--steps', '6', '--json', ...MODEL]);
  await run.shows(/in-1\.png/);
  run.child.kill('SIGINT');
  const { code, out } = await run.done;
  expect(code).toBe(130);
  const answer = JSON.parse(out) as { results: { output: string }[]; resume: string };
  expect(answer.results.length).toBeGreaterThan(0);
  expect(answer.results.map(({ output }) => output).sort()).toEqual(
    readdirSync(d.at('out'))
      .map((name) => join(d.at('out'), name))
      .sort(),
  );
  const rest = spawnSync('bash', ['-c', answer.resume], { encoding: 'utf8' });
  expect(rest.stderr).toContain('skipped, its result is there');
  expect(rest.status).toBe(0);
  expect(readdirSync(d.at('out'))).toHaveLength(12);
});

test('an input that never comes does not keep a command from ending', async () => {
  const pipe = d.at('pipe.png');
  expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
  const run = start(['check', pipe, pair[1]]);
  const writer = await openWhenRead(pipe);
  run.child.kill('SIGTERM');
  const { code, signal, err } = await run.done;
  closeSync(writer);
  expect(code ?? signal).toBe('SIGINT');
  expect(err).toContain('diptych: cancelled');
});

/** Opens a pipe for writing as soon as somebody reads from it. */
async function openWhenRead(pipe: string): Promise<number> {
  for (;;) {
    try {
      return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch {
      await sleep(20);
    }
  }
}

test('a reader that goes away is no error', () => {
  const { status, stderr } = spawnSync(
    'bash',
    ['-c', `set -o pipefail; ${process.execPath} ${CLI} inspect ${resolve(TINY_MODEL)} | true`],
    { encoding: 'utf8' },
  );
  expect([status, stderr]).toEqual([0, '']);
});

test('a log and an output on a full disk', async () => {
  if (!existsSync('/dev/full')) return;
  const output = d.at('s.safetensors');
  const run = await start(['learn', ...pair, '-o', output, ...SHORT], 'exec 2> /dev/full').done;
  expect([run.code, run.out]).toEqual([0, `${output}\n`]);
  const full = await start(['inspect', output], 'exec > /dev/full').done;
  expect([full.code, full.err]).toEqual([
    2,
    'diptych: standard output cannot be written (no space left on device); free some space\n',
  ]);
});

test('names that are hostile to shells and terminals', async () => {
  const name = d.at('-x \'q\' "d" $(id)\n\x1b]0;t\x07é😀.safetensors');
  const run = await start(['learn', ...pair, '-o', name, ...SHORT]).done;
  expect(run.code).toBe(0);
  expect(existsSync(name)).toBe(true);
  expect(run.out + run.err).not.toContain('\x1b');
  const again = await start(['learn', ...pair, '-o', name, ...SHORT]).done;
  expect(again.code).toBe(2);
  expect(again.err.trim().split('\n')).toHaveLength(1);
});

test.each(['check', 'learn'])('%s in a folder that was deleted', (command) => {
  mkdirSync(d.at('gone'));
  const { status, stderr } = spawnSync(
    'bash',
    [
      '-c',
      'cd "$1" && rmdir "$1" && exec "$2" "$3" "$4" a b -o c.safetensors',
      'bash',
      d.at('gone'),
      process.execPath,
      CLI,
      command,
    ],
    { encoding: 'utf8' },
  );
  expect([status, stderr]).toEqual([2, 'diptych: the current folder was deleted; change to another one\n']);
});
