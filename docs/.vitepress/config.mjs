/**
 * The documentation site: the repository's own markdown, so that every page reads the same on the site and in a
 * checkout. `npm run docs` builds it into dist/docs.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { defineConfig } from 'vitepress';

const ROOT = join(import.meta.dirname, '../..');

const PAGES = [
  ['Start', 'index'],
  ['Architecture', 'docs/architecture'],
  ['The method', 'docs/method'],
  ['The pair as the condition', 'docs/pair-model'],
  ['Experiments', 'docs/experiments'],
  ['Pair benchmark', 'docs/pairbench'],
  ['How it measures', 'docs/pairbench-method'],
  ['Performance', 'docs/performance'],
  ['Batches', 'docs/batch'],
  ['The plugin', 'docs/plugin'],
  ["The panel's states", 'docs/flows'],
  ['Hosting the panel', 'docs/hosting'],
  ['Golden cases', 'docs/golden'],
  ['The base model', 'models/diptych-icons-v4/README'],
  ['The pair model', 'models/diptych-pair-v5/README'],
  ['Contributing', 'CONTRIBUTING'],
  ['Changelog', 'CHANGELOG'],
  ['API reference', 'docs/api/README'],
];

const isPage = ([, path]) => path === 'index' || path.startsWith('docs/api/') || existsSync(join(ROOT, `${path}.md`));

export default defineConfig({
  title: 'Diptych',
  description: 'Learn a visual style from one before/after pair of images, and apply it to others.',
  base: process.env.DIPTYCH_DOCS_BASE ?? '/',
  srcDir: ROOT,
  // Folders of markdown that is not documentation of the project.
  srcExclude: ['**/node_modules/**', 'out/**', 'dist/**', 'coverage/**', 'test/goldens/cases/**'],
  outDir: join(ROOT, 'dist/docs'),
  cacheDir: join(ROOT, 'out/vitepress'),
  rewrites: { 'README.md': 'index.md' },
  cleanUrls: true,
  ignoreDeadLinks: 'localhostLinks',
  // Pages are found without a network.
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    sidebar: PAGES.filter(isPage).map(([text, path]) => ({ text, link: path === 'index' ? '/' : `/${path}` })),
  },
  markdown: { config: forSite },
  // Pages outside this folder find the packages inside it.
  vite: {
    resolve: { alias: [{ find: /^vue(\/.*)?$/, replacement: join(import.meta.dirname, '../node_modules/vue$1') }] },
  },
});

/** What markdown of a repository needs on a site: pictures in HTML as assets, files that are no pages as plain text. */
function forSite(md) {
  md.core.ruler.push('site-links', ({ tokens, env }) => {
    for (const token of tokens) {
      if (token.type === 'html_block') token.content = asAssets(token.content);
      if (token.type === 'inline') rewriteInline(token, dirname(join(ROOT, env.relativePath ?? '')));
    }
  });
}

const asAssets = (html) => html.replace(/(<img[^>]* src=")(?![a-z]+:|\/|\.)/g, '$1./');

function rewriteInline(inline, folder) {
  let plain = false;
  for (const token of inline.children) {
    if (token.type === 'html_inline') token.content = asAssets(token.content);
    if (token.type === 'link_open') {
      const target = token.attrGet('href').split('#')[0];
      // A dead link keeps its link, so that the build refuses it.
      plain = target !== '' && !/^[a-z]+:|\.md$/.test(target) && existsSync(join(folder, target));
      if (plain) [token.type, token.tag, token.attrs] = ['em_open', 'span', []];
    } else if (token.type === 'link_close' && plain) {
      [token.type, token.tag, plain] = ['em_close', 'span', false];
    }
  }
}
