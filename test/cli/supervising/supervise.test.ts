/** Processes that hang, vanish or hear nothing, as real ones: the user is answered, and what was kept is said. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SignalHost } from '../../../cli/terminal/signals';
import { supervise, type SupervisionOptions } from '../../../cli/supervising/supervise';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'diptych-supervise-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Starts a process that runs `body`, which has `tell(message)` and `block()`, a call of the device that never returns. */
function start(body: string, argv: readonly string[] = [], options: Partial<SupervisionOptions> = {}) {
  const script = join(folder, 'child.cjs');
  const prelude = `
    const fs = require('node:fs');
    const tell = (message) => new Promise((sent) => process.send(message, sent));
    const block = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    const kept = () => tell({ kind: 'kept', kept: { text: 'saved in x', hint: 'To go on:\\n  it', json: { checkpoint: 'x' } } });
    const at = (name) => ${JSON.stringify(folder)} + '/' + name;
  `;
  writeFileSync(script, `${prelude}(async () => {${body}})();`);
  const listeners = new Map<string, () => void>();
  let out = '';
  let err = '';
  let later = 0;
  const signals: SignalHost = {
    on: (signal, listener) => listeners.set(signal, listener),
    tell: (text) => (err += text),
    now: () => performance.now() + later,
    later: (ms, call) => setTimeout(call, ms),
    every: (ms, call) => setInterval(call, ms).unref(),
    die: () => undefined,
  };
  const code = supervise(script, argv, {
    ...{ signals, out: (text) => (out += text), err: (text) => (err += text), answerMs: 200 },
    ...options,
  });
  return {
    done: code.then((code) => ({ code, out, err })),
    send: (signal: string) => listeners.get(signal)!(),
    /** Puts the supervisor's clock forward, ms. */
    forward: (ms: number) => (later += ms),
    /** Waits for a file that the process makes. */
    made: async (name: string) => {
      while (!existsSync(join(folder, name))) await new Promise((wake) => setTimeout(wake, 10));
    },
    said: () => err,
    pid: () => Number(readFileSync(join(folder, 'ready'), 'utf8')),
  };
}

test('in the middle of a call of the device a signal is answered, and what was kept is said', async () => {
  const run = start(`await kept(); fs.writeFileSync(at('ready'), ''); block();`, ['--json']);
  await run.made('ready');
  run.send('SIGINT');
  expect(run.said()).toMatch(/cancelling/);
  const { code, out, err } = await run.done;
  expect(code).toBe(130);
  expect(err).toMatch(/\ndiptych: cancelled in the middle of a step; saved in x\nTo go on:\n {2}it\n$/);
  expect(JSON.parse(out)).toEqual({
    ...{ error: 'cancelled in the middle of a step; saved in x', exitCode: 130, checkpoint: 'x' },
  });
});

test('who hears it has the time to save, and its own words', async () => {
  const run = start(
    `process.on('message', async ({ kind }) => {
      if (kind !== 'end') return;
      await tell({ kind: 'ending' });
      setTimeout(() => { fs.writeFileSync(at('saved'), ''); process.exit(130); }, 600);
    });
    fs.writeFileSync(at('ready'), '');`,
  );
  await run.made('ready');
  run.send('SIGTERM');
  const { code, err } = await run.done;
  expect([code, existsSync(join(folder, 'saved'))]).toEqual([130, true]);
  expect(err).not.toContain('diptych:');
});

test('but not for ever', async () => {
  const run = start(
    `process.on('message', async () => { await tell({ kind: 'ending' }); block(); });
    fs.writeFileSync(at('ready'), '');`,
    [],
    { saveMs: 100 },
  );
  await run.made('ready');
  run.send('SIGINT');
  expect((await run.done).err).toMatch(/cancelled in the middle of a step; nothing was done yet\n$/);
});

test('a second Ctrl-C that comes clearly later ends it at once', async () => {
  const run = start(
    `process.on('message', () => tell({ kind: 'ending' }));
    fs.writeFileSync(at('ready'), '');
    setInterval(() => undefined, 1000);`,
  );
  await run.made('ready');
  run.send('SIGINT');
  run.send('SIGINT');
  run.forward(2000);
  // Until the clock has been looked at twice.
  await new Promise((wake) => setTimeout(wake, 350));
  const early = await Promise.race([run.done, 'runs']);
  run.send('SIGINT');
  expect([early, await run.done]).toEqual([
    'runs',
    expect.objectContaining({ code: 130, err: expect.stringMatching(/cancelled in the middle of a step; nothing/) }),
  ]);
});

test('a signal that ends it before it listens is a cancellation', async () => {
  const run = start(`fs.writeFileSync(at('ready'), String(process.pid)); setInterval(() => undefined, 1000);`, [], {
    answerMs: 10_000,
  });
  await run.made('ready');
  run.send('SIGINT');
  process.kill(run.pid(), 'SIGINT');
  expect(await run.done).toMatchObject({
    ...{ code: 130, err: expect.stringMatching(/\ndiptych: cancelled; nothing was done yet\n$/) },
  });
});

test('one that is killed is reported, and takes its drafts and its lock along, but no lock of another', async () => {
  const run = start(
    `const lock = (pid) => JSON.stringify({ pid, host: ${JSON.stringify(hostname())}, since: Date.now(), started: null, token: 't' });
    fs.writeFileSync(at('own.lock'), lock(process.pid));
    fs.writeFileSync(at('other.lock'), lock(1));
    fs.writeFileSync(at('draft'), '');
    await tell({ kind: 'leftovers', files: [
      { path: at('own.lock'), lock: true }, { path: at('other.lock'), lock: true }, { path: at('draft') },
    ] });
    await kept();
    process.kill(process.pid, 'SIGKILL');`,
  );
  const { code, out, err } = await run.done;
  expect([code, out]).toEqual([1, '']);
  expect(err).toMatch(/^diptych: the process was killed \(SIGKILL[^\n]*; saved in x\nTo go on:/);
  expect(['own.lock', 'other.lock', 'draft'].map((name) => existsSync(join(folder, name)))).toEqual([
    ...[false, true, false],
  ]);
});

test('what is said to be kept in a file counts when that is there', async () => {
  const end = (file: string): Promise<{ err: string }> =>
    start(
      `fs.writeFileSync(at('there'), '');
      await tell({ kind: 'kept', kept: { text: 'saved', file: at('${file}') } });
      process.kill(process.pid, 'SIGKILL');`,
    ).done;
  expect((await end('there')).err).toMatch(/; saved\n$/);
  expect((await end('missing')).err).toMatch(/; nothing was done yet\n$/);
});

test('one that hangs in a job is ended; silence between jobs is none', async () => {
  const run = start(
    `await tell({ kind: 'working' });
    await tell({ kind: 'resting' });
    await new Promise((wake) => setTimeout(wake, 900));
    fs.writeFileSync(at('rested'), '');
    await tell({ kind: 'working' });
    block();`,
    [],
    { silenceMs: 500 },
  );
  const { code, err } = await run.done;
  expect(code).toBe(1);
  expect(existsSync(join(folder, 'rested'))).toBe(true);
  expect(err).toMatch(
    /^diptych: the device did not answer any more, and the process was ended; try --device cpu; nothing/,
  );
});

test('progress is a sign of life', async () => {
  const run = start(
    `await tell({ kind: 'working' });
    for (let i = 0; i < 8; i++) {
      await new Promise((wake) => setTimeout(wake, 100));
      await tell({ kind: 'progress' });
    }
    process.exit(0);`,
    [],
    { silenceMs: 500 },
  );
  expect(await run.done).toEqual({ code: 0, out: '', err: '' });
});

test('what it said of itself reaches the terminal without control characters', async () => {
  const said = '\\x1b]0;t\\x07\\u202e';
  const run = start(
    `await tell({ kind: 'kept', kept: { text: 'saved in ${said}', hint: 'go on:\\n  ${said}', json: { path: '${said}' } } });
    process.kill(process.pid, 'SIGSEGV');`,
    ['--json'],
  );
  const { code, out, err } = await run.done;
  expect(code).toBe(1);
  expect(err).toMatch(/^diptych: the process was ended by SIGSEGV; saved in [^\n]+\ngo on:\n {2}[^\n]+\n$/);
  expect(out + err).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
  expect(JSON.parse(out)).toMatchObject({ exitCode: 1, path: '\x1b]0;t\x07\u202e' });
});

test('one that was asked to end, said that it is over and still runs is ended, with the code it meant', async () => {
  const run = start(
    `process.on('message', async () => {
      await tell({ kind: 'ending' });
      await tell({ kind: 'over', code: 130 });
      block();
    });
    fs.writeFileSync(at('ready'), '');`,
  );
  await run.made('ready');
  run.send('SIGINT');
  expect(await run.done).toMatchObject({ code: 130, err: expect.not.stringContaining('diptych:') });
});

test('its exit code is passed on; when threads keep it from ending, the one it meant', async () => {
  const knows = `process.exitCode = process.env.DIPTYCH_SUPERVISED === '1' && process.argv[2] === 'check' ? 2 : 9;`;
  expect((await start(knows, ['check']).done).code).toBe(2);
  const run = start(`await tell({ kind: 'over', code: 130 }); process.kill(process.pid, 'SIGINT'); block();`);
  expect(await run.done).toMatchObject({ code: 130, err: '' });
  expect(readFileSync(join(folder, 'child.cjs'), 'utf8')).toContain('over');
});
