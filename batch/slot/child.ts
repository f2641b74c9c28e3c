/** The process of a slot: opens its model once, then does one order after another until the process above is gone. */
import { plainError } from '../errors';
import type { BatchEngine, SlotHost } from '../host';
import { runJob } from '../run-job';
import type { FromSlot, ToSlot } from './messages';

/** Runs until the channel to the process above closes. */
export function serveSlot(host: SlotHost): void {
  if (!process.send) throw new Error('this program is started by diptych batch and diptych worker only');
  const send = (message: FromSlot): void => void process.send!(message);
  // Ctrl-C reaches every process of a terminal; the process above decides what becomes of the picture in work.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  process.on('disconnect', () => process.exit(0));

  let engine: BatchEngine | undefined;
  const styles = new Map<string, Uint8Array>();
  const answer = async (message: ToSlot): Promise<void> => {
    switch (message.kind) {
      case 'open':
        try {
          engine = await host.openEngine(message.options);
          send({ kind: 'ready', description: engine.description });
        } catch (error) {
          process.send!({ kind: 'refused', error: plainError(error) } satisfies FromSlot, () => process.exit(1));
        }
        return;
      case 'style':
        styles.set(message.sha, new Uint8Array(message.file));
        return;
      case 'forget styles':
        styles.clear();
        return;
      case 'check':
        try {
          for (const { name, sha } of message.styles)
            await opened(engine).describeStyle(name, styles.get(sha)!, message.force);
          send({ kind: 'checked' });
        } catch (error) {
          send({ kind: 'failed', error: plainError(error) });
        }
        return;
      case 'order':
        try {
          const onProgress = (): void => send({ kind: 'progress' });
          send({ kind: 'done', reply: await runJob(message.order, opened(engine), styles, host, onProgress) });
        } catch (error) {
          send({ kind: 'failed', error: plainError(error) });
        }
    }
  };
  let queue = Promise.resolve();
  process.on('message', (message) => {
    queue = queue.then(() => answer(message as ToSlot));
  });
}

function opened(engine: BatchEngine | undefined): BatchEngine {
  if (!engine) throw new Error('an order came before the model was open');
  return engine;
}
