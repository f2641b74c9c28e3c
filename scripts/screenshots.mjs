/**
 * Draws docs/images/panel/: every state of the panel in both themes, by the panel's own code over the tests' stand-ins
 * for the editor and the engine (test/ui/gallery/). node scripts/screenshots.mjs [NAME...] for some of them.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import sharp from 'sharp';
import { requireChromium, root } from './install.mjs';

const FOLDER = join(root, 'docs/images/panel');
/** CSS px, as plugin/panel-host.ts opens it. */
const SIZE = { width: 360, height: 600 };
/** What moves has come to rest, and what a state does after it is shown is done. */
const SETTLE_MS = 1_500;

/** The page as one document. */
async function buildPage() {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['test/ui/gallery/page.tsx'],
    outdir: 'out',
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    loader: { '.png': 'binary' },
    // The tests' stand-ins tidy up after each test; here nothing is tested.
    banner: { js: 'globalThis.afterEach = () => undefined;' },
  });
  const text = (ending) => outputFiles.find(({ path }) => path.endsWith(ending)).text;
  const script = text('.js').replaceAll('</script', '<\\/script');
  return `<!doctype html><meta charset="utf-8"><style>${text('.css')}</style><div id="panel"></div><script>${script}</script>`;
}

const executablePath = requireChromium();
const html = await buildPage();
const browser = await chromium.launch({ executablePath, chromiumSandbox: false });
try {
  const page = await browser.newPage({ viewport: SIZE, reducedMotion: 'reduce' });
  page.on('pageerror', (error) => {
    throw error;
  });
  const open = async () => {
    await page.goto('about:blank');
    await page.setContent(html);
  };
  await open();
  const names = process.argv.length > 2 ? process.argv.slice(2) : await page.evaluate('galleryStates');
  mkdirSync(FOLDER, { recursive: true });
  for (const theme of ['light', 'dark']) {
    for (const name of names) {
      await open();
      await page.evaluate(([state, of]) => globalThis.showState(state, of), [name, theme]);
      await page.waitForTimeout(SETTLE_MS);
      const png = await page.screenshot();
      writeFileSync(
        join(FOLDER, `${name}-${theme}.png`),
        await sharp(png).png({ palette: true, effort: 10 }).toBuffer(),
      );
    }
  }
  const bytes = names.flatMap((name) => ['light', 'dark'].map((theme) => join(FOLDER, `${name}-${theme}.png`)));
  const total = bytes.reduce((sum, path) => sum + readFileSync(path).length, 0);
  console.log(`${bytes.length} pictures, ${Math.round(total / 1000)} kB, in docs/images/panel/`);
} finally {
  await browser.close();
}
