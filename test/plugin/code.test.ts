/** What Figma demands of the files of the plugin. */
import { manifest, pluginCode } from './support/sandbox';

test('code.js holds nothing that Figma’s sandbox refuses or lacks', () => {
  expect(pluginCode).not.toMatch(/import\s*\(/);
  expect(pluginCode).not.toMatch(/\b(TextDecoder|TextEncoder|structuredClone|queueMicrotask|XMLHttpRequest|fetch)\b/);
  // es2017, as far as it shows: later syntax that a compiler leaves behind.
  expect(pluginCode).not.toMatch(/\?\?|\?\.[a-z[(]|\bcatch\s*\{/i);
  expect(pluginCode.length).toBeLessThan(60_000);
});

interface MenuItem {
  readonly separator?: boolean;
  readonly command?: string;
  readonly parameterOnly?: boolean;
  readonly parameters?: readonly { readonly key: string; readonly optional?: boolean }[];
}

test('the manifest asks for what the plugin uses, and no more', () => {
  const menu = manifest.menu as readonly MenuItem[];
  expect(manifest).toMatchObject({
    api: '1.0.0',
    editorType: ['figma'],
    documentAccess: 'dynamic-page',
    main: 'dist/plugin/code.js',
    ui: { embedded: 'dist/plugin/ui.html' },
    networkAccess: { allowedDomains: ['none'], devAllowedDomains: ['http://localhost:8137'] },
  });
  expect(menu.filter(({ separator }) => !separator).map(({ command }) => command)).toEqual([
    'open',
    'learn',
    'restyle',
    'imagine',
  ]);
  // With parameterOnly left out or true, the menu could not open the panel without asking first.
  for (const { parameters, parameterOnly } of menu) if (parameters) expect(parameterOnly).toBe(false);
  const buttons = manifest.relaunchButtons as readonly { command: string; multipleSelection?: boolean }[];
  expect(buttons.map(({ command, multipleSelection }) => [command, multipleSelection ?? false])).toEqual([
    ['tune', false],
    ['again', true],
    ['learn', true],
  ]);
});
