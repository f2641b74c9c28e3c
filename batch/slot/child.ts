/**
 * The process of a slot: opens its model once, then does one order after another until the process above is gone. Files of
 * an order may still be written while the next one is computed.
 */
import { plainError } from '../errors';
import type { BatchEngine, SlotHost } from '../host';
import { JobFiles } from './job-files';
import type { FromSlot, ToSlot } from './messages';
import { runJob } from './run-job';

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
  const files = new JobFiles(host.codec);
  /** Resolves when the engine is free again. */
  const answer = async (message: Exclude<ToSlot, { kind: 'expect' }>): Promise<void> => {
    switch (message.kind) {
      case 'open':
        try {
          engine = await host.openEngine(message.options);
          send({ id: message.id, kind: 'ready', description: engine.description });
        } catch (error) {
          const refusal: FromSlot = { id: message.id, kind: 'refused', error: plainError(error) };
          process.send!(refusal, () => process.exit(1));
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
          send({ id: message.id, kind: 'checked' });
        } catch (error) {
          send({ id: message.id, kind: 'failed', error: plainError(error) });
        }
        return;
      case 'order':
        await new Promise<void>((free) => void obey(message, free).finally(free));
    }
  };
  const obey = async ({ id, order }: ToSlot & { kind: 'order' }, free: () => void): Promise<void> => {
    try {
      const reply = await runJob(order, opened(engine), styles, files, {
        onProgress: () => send({ id, kind: 'progress' }),
        onComputed() {
          send({ id, kind: 'computed' });
          free();
        },
      });
      send({ id, kind: 'done', reply });
    } catch (error) {
      send({ id, kind: 'failed', error: plainError(error) });
    }
  };
  let queue = Promise.resolve();
  process.on('message', (received) => {
    const message = received as ToSlot;
    // At once: it is about the time that the order before it takes.
    if (message.kind === 'expect') files.expect(message.order);
    else queue = queue.then(() => answer(message));
  });
}

function opened(engine: BatchEngine | undefined): BatchEngine {
  if (!engine) throw new Error('an order came before the model was open');
  return engine;
}
