/** What page, panel and workers hold. */
import type { EditorUnderTest } from './editor';

/** Bytes in use after garbage was collected: scripts, DOM, canvases and the engine's WebAssembly. */
export function memoryInUse({ page }: EditorUnderTest): Promise<number> {
  return page.evaluate(async () => {
    // Not in TypeScript's DOM yet; Chromium has it in isolated pages, as the playground is.
    const { measureUserAgentSpecificMemory } = performance as Performance & {
      measureUserAgentSpecificMemory(): Promise<{ readonly bytes: number }>;
    };
    return (await measureUserAgentSpecificMemory.call(performance)).bytes;
  });
}
