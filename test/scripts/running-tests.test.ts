/** What `npm test` and jest do before they run a test: nothing is installed where that is forbidden, or built in vain. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');

/** Output of a Node program in the project's folder. */
function node(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, env, encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('with --no-install, what is missing is named with the command that installs it, and nothing else happens', () => {
  const { status, stdout, stderr } = node(['scripts/test.mjs', '--no-install'], { PATH: join(ROOT, 'nowhere') });
  expect(status).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^npm test needs, and this machine lacks:\n/);
  expect(stderr).toMatch(/\n {2}Redis, for tests of batches \(or set DIPTYCH_REDIS to the path of one\)\n/);
  expect(stderr).toMatch(/\nto install: .*\n$/);
  expect(stderr).not.toMatch(/will install|installing/);
});

test('tests of the graph belong to no project before which something is built', () => {
  const config = `
    const { projects } = (await import('./jest.config.mjs')).default;
    const matches = ({ testRegex, testPathIgnorePatterns = [] }, path) =>
      testRegex.some((regex) => new RegExp(regex).test(path)) &&
      !testPathIgnorePatterns.some((regex) => new RegExp(regex.replace('<rootDir>', '')).test(path));
    const path = '/test/graph/builder.test.ts';
    const found = projects.filter((project) => matches(project, path));
    console.log(JSON.stringify(found.map(({ displayName, globalSetup = null }) => [displayName, globalSetup])));`;
  expect(JSON.parse(node(['--input-type=module', '-e', config]).stdout)).toEqual([['sources', null]]);
});
