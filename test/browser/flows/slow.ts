/** Makes the panel's workers answer late, so that a test can act while something is under way. */
import type { EditorUnderTest } from './editor';

/**
 * From now on what workers say arrives `ms` later, in its order; at once again with 0. The tiny model would be done
 * before a test could click.
 */
export async function slowWorkers(editor: EditorUnderTest, ms: number): Promise<void> {
  const frame = await editor.frame();
  await frame.evaluate((delay) => void (globalThis.workerDelay = delay), ms);
}
