/** What a user does in the panel, in whatever frame it is. */
import type { Frame } from 'playwright-core';
import type { ReplicaLayer } from '../replica/page';
import type { ReplicaBrowser } from './in-replica';

/** Jobs on a busy machine, ms. */
const PATIENCE = 240_000;

/** Selects two layers, types a style's name and how long to learn, and waits until it is learned. */
export async function learnStyle(
  { page }: ReplicaBrowser,
  panel: Frame,
  { before, after, style, steps }: { before: string; after: string; style: string; steps: number },
): Promise<void> {
  await page.evaluate((names) => diptychReplica.current.select(...names), [before, after]);
  await panel.getByRole('tab', { name: 'Learn' }).click();
  await panel.getByLabel('Style name').fill(style);
  await panel.getByText('Advanced').click();
  await panel.getByLabel('Steps', { exact: true }).fill(String(steps - 1));
  await panel.getByLabel('Content steps').fill('1');
  await panel.getByLabel('Rank').fill('4');
  await panel.getByLabel('Rank').press('Enter');
  await panel.getByRole('button', { name: /^Learn (style|anyway)$/ }).click({ timeout: PATIENCE });
  await panel.getByRole('heading', { name: `“${style}” is learned` }).waitFor({ timeout: PATIENCE });
}

/** Selects a layer, restyles it in the chosen style, and returns the result. */
export async function restyleLayer({ page }: ReplicaBrowser, panel: Frame, layer: string): Promise<ReplicaLayer> {
  await page.evaluate((name) => diptychReplica.current.select(name), layer);
  await panel.getByRole('tab', { name: 'Restyle' }).click();
  await panel.getByRole('button', { name: 'Restyle 1 layer' }).click();
  await panel.getByText('1 of 1 restyled').waitFor({ timeout: PATIENCE });
  const layers = await page.evaluate(() => diptychReplica.current.layers());
  const above = layers[layers.findIndex(({ name }) => name === layer) + 1];
  if (!above) throw new Error(`nothing is above ${layer}; layers: ${layers.map(({ name }) => name).join(', ')}`);
  return above;
}

/** Selects a result, types a strength for its one style, and returns the result once it is made. */
export async function setStrength(
  { page }: ReplicaBrowser,
  panel: Frame,
  { result, style, percent }: { result: string; style: string; percent: number },
): Promise<ReplicaLayer> {
  await page.evaluate((name) => diptychReplica.current.select(name), result);
  const field = panel.getByLabel(`Strength of ${style}, percent`);
  await field.fill(String(percent), { timeout: PATIENCE });
  const before = await layerOf(page, result);
  await field.press('Enter');
  await panel.getByText('Up to date').waitFor({ timeout: PATIENCE });
  for (let waited = 0; waited < PATIENCE; waited += 200) {
    const now = await layerOf(page, result);
    if (now.images[1]!.png !== before.images[1]!.png) return now;
    await page.waitForTimeout(200);
  }
  throw new Error(`${result} stayed as it was`);
}

async function layerOf(page: ReplicaBrowser['page'], name: string): Promise<ReplicaLayer> {
  const layers = await page.evaluate(() => diptychReplica.current.layers());
  return layers.find((layer) => layer.name === name)!;
}
