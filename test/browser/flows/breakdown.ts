/** Breaks the panel's workers, as a crash or too little memory would. */
import type { EditorUnderTest } from './editor';

/** Ends every worker of the panel; the panel hears of it as of any worker that fails. */
export async function endWorkers(editor: EditorUnderTest): Promise<void> {
  const frame = await editor.frame();
  await frame.evaluate(() => {
    for (const worker of workersStarted.splice(0)) {
      worker.terminate();
      worker.dispatchEvent(new ErrorEvent('error', { message: 'out of memory', cancelable: true }));
    }
  });
}

/** From now on workers fail as soon as they are started, until `restore` is called. */
export async function refuseWorkers(editor: EditorUnderTest): Promise<{ restore(): Promise<void> }> {
  const frame = await editor.frame();
  await frame.evaluate(() => {
    const Working = globalThis.Worker;
    const broken = URL.createObjectURL(new Blob(['throw new Error("no memory left")'], { type: 'text/javascript' }));
    globalThis.Worker = class extends Working {
      constructor() {
        super(broken);
      }
    };
    globalThis.restoreWorkers = () => (globalThis.Worker = Working);
  });
  return { restore: () => frame.evaluate(() => void restoreWorkers()) };
}

declare global {
  var restoreWorkers: () => void;
}
