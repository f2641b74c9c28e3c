/** What a user does in the panel. Every act waits until the panel, or the document, shows that it is done. */
import type { Locator } from 'playwright-core';
import { PATIENCE, type EditorUnderTest, type Result } from './editor';

export type Tab = 'Learn' | 'Restyle' | 'Styles' | 'Imagine' | 'Model';

export const goTo = ({ panel }: EditorUnderTest, tab: Tab): Promise<void> =>
  panel.getByRole('tab', { name: tab }).click();

export const button = ({ panel }: EditorUnderTest, name: string | RegExp): Locator =>
  panel.getByRole('button', { name, ...(typeof name === 'string' && { exact: true }) });

export interface LearnSettings {
  readonly style: string;
  readonly steps: number;
  readonly contentSteps: number;
  /** Steps between two live samples. */
  readonly sampleEvery?: number;
}

/** Fills in how to learn the pair that is selected. */
export async function describeLearning(editor: EditorUnderTest, settings: LearnSettings): Promise<void> {
  const { panel } = editor;
  await panel.getByLabel('Style name').fill(settings.style);
  const steps = panel.getByLabel('Steps', { exact: true });
  if (!(await steps.isVisible())) await panel.getByText('Advanced').click();
  await steps.fill(String(settings.steps));
  await panel.getByLabel('Content steps').fill(String(settings.contentSteps));
  await panel.getByLabel('Rank').fill('2');
  if (settings.sampleEvery) await panel.getByLabel('Sample every').fill(String(settings.sampleEvery));
}

export const waitForHeading = ({ panel }: EditorUnderTest, name: string | RegExp): Promise<void> =>
  panel.getByRole('heading', { name }).waitFor({ timeout: PATIENCE });

/** Waits until at least this many steps are done, below 10, of the content's and the style's together. */
export const waitForStep = ({ panel }: EditorUnderTest, step: number): Promise<void> =>
  panel.getByText(new RegExp(`^Step ([${step}-9]|[1-9]\\d+) of`)).waitFor({ timeout: PATIENCE });

/** Waits until what is stored is as wanted. Not by page.waitForFunction, which takes any promise for an answer. */
export async function waitForStorage(
  editor: EditorUnderTest,
  wanted: (keys: readonly string[]) => boolean,
): Promise<void> {
  for (const end = Date.now() + PATIENCE; !wanted(await editor.storedKeys());) {
    if (Date.now() > end) throw new Error(`storage holds ${(await editor.storedKeys()).join(', ')}`);
    await editor.page.waitForTimeout(100);
  }
}

export async function importStyle(editor: EditorUnderTest, file: string, name: string): Promise<void> {
  await goTo(editor, 'Styles');
  await editor.panel.getByLabel('Style files to import').setInputFiles(file);
  await editor.panel.getByText(`“${name}” imported`).waitFor({ timeout: PATIENCE });
}

/** Chooses these styles, and no others, for restyling. */
export async function chooseStyles({ panel }: EditorUnderTest, ...names: string[]): Promise<void> {
  const styles = panel.getByRole('region', { name: 'Styles' }).getByRole('button');
  // Those wanted first: the last one that is chosen cannot be taken out.
  for (const wanted of [true, false]) {
    for (const style of await styles.all()) {
      const pressed = (await style.getAttribute('aria-pressed')) === 'true';
      const meant = names.includes((await style.getAttribute('title'))!);
      if (meant === wanted && pressed !== meant) await style.click();
    }
  }
}

/** Selects layers and puts them into the queue. */
export async function queue(editor: EditorUnderTest, ...names: string[]): Promise<void> {
  await editor.select(...names);
  await goTo(editor, 'Restyle');
  await button(editor, `Restyle ${names.length} ${names.length === 1 ? 'layer' : 'layers'}`).click();
}

export const waitForQueue = ({ panel }: EditorUnderTest, outcome: string | RegExp): Promise<void> =>
  panel.getByText(outcome).waitFor({ timeout: PATIENCE });

/** Restyles layers in the chosen styles and returns how the queue ended for them. */
export async function restyle(editor: EditorUnderTest, ...names: string[]): Promise<void> {
  await queue(editor, ...names);
  await waitForQueue(editor, `${names.length} of ${names.length} restyled`);
}

/** Waits until the front layer of a name says that it was made with these strengths, and returns it. */
export async function waitForStrengths(
  editor: EditorUnderTest,
  name: string,
  ...strengths: readonly number[]
): Promise<Result> {
  await editor.page.waitForFunction(
    ([which, wanted]) => {
      const { pluginData } = playground!.tree(playground!.idOf(which));
      const { styles } = JSON.parse(pluginData['result']!) as { styles: { strength: number }[] };
      return JSON.stringify(styles.map(({ strength }) => strength)) === wanted;
    },
    [name, JSON.stringify(strengths)] as const,
    { timeout: PATIENCE },
  );
  return editor.result(name);
}

/** Selects a result alone and waits for its sliders. */
export async function openResult(editor: EditorUnderTest, name: string): Promise<void> {
  await editor.select(name);
  await waitForHeading(editor, name);
}

/** Types a strength, in percent, for a style of the result that is selected. */
export async function typeStrength({ panel }: EditorUnderTest, style: string, percent: number): Promise<void> {
  const field = panel.getByLabel(`${style}, percent`);
  await field.fill(String(percent), { timeout: PATIENCE });
  await field.press('Enter');
}

/** Presses a slider's knob, moves it through fractions of its length, and lets it go at the last one. */
export async function dragSlider(
  { page, panel }: EditorUnderTest,
  label: string,
  fractions: readonly number[],
  beforeRelease?: () => Promise<void>,
): Promise<void> {
  const slider = panel.getByRole('slider', { name: label });
  const box = (await slider.boundingBox())!;
  const now = Number(await slider.inputValue()) / Number(await slider.getAttribute('max'));
  // The knob's middle stays within the slider by half its width.
  const knob = 14;
  const at = (fraction: number): number => box.x + knob / 2 + (box.width - knob) * fraction;
  const y = box.y + box.height / 2;
  await page.mouse.move(at(now), y);
  await page.mouse.down();
  for (const fraction of fractions) {
    await page.mouse.move(at(fraction), y, { steps: 4 });
    await page.waitForTimeout(60);
  }
  await beforeRelease?.();
  await page.mouse.up();
}
