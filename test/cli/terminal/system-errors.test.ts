/** What the system refuses and what an installation lacks: one line each, on the built program. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fixOf, systemProblem } from '../../../cli/terminal/system-errors';
import { built } from '../../support/built';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'diptych-system-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PICTURE = join(__dirname, '../../../cli/demo-data/before.png');

function run(program: string, argv: readonly string[], files?: number): { code: number | null; err: string } {
  const command = [process.execPath, program, ...argv];
  const limited = ['sh', '-c', `ulimit -n ${files}; exec "$@"`, 'sh', ...command];
  const [name, ...rest] = files === undefined ? command : limited;
  const { status, stderr } = spawnSync(name!, rest, { cwd: folder, encoding: 'utf8', timeout: 60_000 });
  return { code: status, err: stderr };
}

test('too few file handles are one line, in the program itself and in the one above it', () => {
  const line = /^diptych: [^\n]+: too many open files; raise the limit, e\.g\. ulimit -n 1024\n$/;
  for (const argv of [
    ['check', PICTURE, PICTURE],
    ['restyle', 's.safetensors', PICTURE, '-o', 'out'],
  ]) {
    const { code, err } = run(built('cli/diptych.mjs'), argv, 24);
    expect([code, err]).toEqual([2, expect.stringMatching(line)]);
  }
});

test('a program of which a file is missing says so and how to get it', () => {
  const copy = join(folder, 'copy');
  cpSync(built('cli'), join(copy, 'dist/cli'), { recursive: true });
  writeFileSync(join(copy, 'package.json'), '{ "version": "0" }');
  const program = join(copy, 'dist/cli/diptych.mjs');
  // Without its packages.
  expect(run(program, ['check', PICTURE, PICTURE])).toEqual({
    code: 2,
    err: expect.stringMatching(/^diptych: this installation is not complete \(Cannot find package [^\n]+: npm ci\n$/),
  });
  symlinkSync(join(__dirname, '../../../node_modules'), join(copy, 'node_modules'));
  rmSync(join(copy, 'dist/cli/decoding.mjs'));
  expect(run(program, ['check', PICTURE, PICTURE])).toEqual({
    code: 2,
    err: expect.stringMatching(/^diptych: this [^\n]+decoding\.mjs is missing\); run in its folder: npm run build\n$/),
  });
  rmSync(join(copy, 'dist/cli/commands.mjs'));
  for (const command of ['check', 'learn']) {
    expect(run(program, [command, PICTURE, PICTURE, '-o', 'x.safetensors'])).toEqual({
      code: 2,
      err: expect.stringMatching(/^diptych: this [^\n]+commands\.mjs'?\); run in its folder: npm run build\n$/),
    });
  }
});

test('each refusal of the system names the path and the way out; other errors are not taken for one', () => {
  const refused = (code: string, path?: string): Error =>
    Object.assign(new Error(`${code}: text, open '/a b/c'`), { code, ...(path !== undefined && { path }) });
  for (const code of 'EMFILE ENFILE EACCES EROFS ENOSPC EDQUOT ENOTDIR ELOOP ENAMETOOLONG'.split(' ')) {
    expect(systemProblem(refused(code, '/x'))).toBe(`/x: ${systemProblem(refused(code))!.slice('/a b/c: '.length)}`);
    expect(systemProblem(refused(code))).toMatch(new RegExp(`^/a b/c: [^;]+; ${fixOf(refused(code))!.slice(0, 8)}`));
  }
  for (const [code, message, said] of [
    [
      'ERR_MODULE_NOT_FOUND',
      "Cannot find package 'sharp' imported from /x/y.mjs",
      "(Cannot find package 'sharp'); run in its folder: npm ci",
    ],
    [
      'MODULE_NOT_FOUND',
      "Cannot find module '/x/dist/z.mjs'\nRequire stack:",
      "(Cannot find module '/x/dist/z.mjs'); run in its folder: npm run build",
    ],
    ['ERR_DLOPEN_FAILED', 'libvips.so: cannot open', '(libvips.so: cannot open); run in its folder: npm ci'],
  ] as const) {
    expect(systemProblem(Object.assign(new Error(message), { code }))).toBe(
      `this installation is not complete ${said}`,
    );
  }
  expect(systemProblem(new TypeError('x is not a function'))).toBeUndefined();
  expect(systemProblem('text')).toBeUndefined();
  expect([fixOf(undefined), fixOf(refused('ENOENT'))]).toEqual([undefined, undefined]);
});
