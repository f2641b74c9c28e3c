import type { PluginAPI } from '@figma/plugin-typings/plugin-api-standalone';
import { Sandbox } from '../../playground/model/sandbox';

/** Runs code in a sandbox; it leaves what it found in `figma.found`. */
function run(code: string, sandbox = new Sandbox()): unknown {
  const figma: { found?: unknown } = {};
  sandbox.run(code, figma as PluginAPI, { embedded: '<p>' });
  return figma.found;
}

test('code has the language and what Figma gives', () => {
  const names = ['Uint8Array', 'Promise', 'Map', 'Proxy', 'console', 'setTimeout', 'clearTimeout', 'Math', 'BigInt'];
  expect(run(`figma.found = [${names.map((name) => `typeof ${name}`)}, __uiFiles__.embedded, __html__]`)).toEqual([
    ...['function', 'function', 'function', 'function', 'object', 'function', 'function', 'object', 'function'],
    '<p>',
    '<p>',
  ]);
});

test('and nothing of the page', () => {
  const names = ['globalThis', 'TextDecoder', 'TextEncoder', 'process', 'structuredClone', 'queueMicrotask', 'atob'];
  expect(run(`figma.found = [${names.map((name) => `typeof ${name}`)}]`)).toEqual(names.map(() => 'undefined'));
  expect(run('figma.found = (function () { return this })()')).toBeUndefined();
});

test('what it scheduled does not happen once it is stopped', async () => {
  const sandbox = new Sandbox();
  const happened: string[] = [];
  const figma = { happened } as unknown as PluginAPI;
  sandbox.run(
    `setTimeout(() => figma.happened.push('kept'), 1);
     clearTimeout(setTimeout(() => figma.happened.push('cleared'), 1));`,
    figma,
    {},
  );
  await new Promise((resolve) => setTimeout(resolve, 10));
  sandbox.run(`setTimeout(() => figma.happened.push('stopped'), 1)`, figma, {});
  sandbox.stop();
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(happened).toEqual(['kept']);
});

test('what it throws comes out', () => {
  expect(() => run('figma.nothing.here')).toThrow(TypeError);
});
