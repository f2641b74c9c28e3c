/** `diptych batches --serve`: the web page of batches. */
import sharp from 'sharp';
import { CancelledError, InputError } from '../../engine/errors';
import { Journals } from '../../batch/journal';
import { servePage } from '../../batch/page/server';
import type { BatchSource } from '../../batch/page/source';
import { statuses, withRegistry } from './queue';
import { loadImage } from '../inputs/images';
import type { Io } from '../io';
import { builtFile } from '../terminal/system-errors';

/** Longer side of the pictures on the contact sheet, px. */
const THUMBNAIL = 320;

export interface PageOptions {
  readonly queue?: string;
  /** Port; 0 for any free one. */
  readonly serve: number;
  readonly host?: string;
}

/** Serves the page until Ctrl-C. */
export async function serveBatches(io: Io, name: string | undefined, options: PageOptions): Promise<never> {
  const { queue } = options;
  if (queue !== undefined) {
    return withRegistry(io, queue, {}, (registry) => {
      const source: BatchSource = {
        list: () => statuses(registry, name),
        async retry(batch, key) {
          if (key === undefined) await registry.retryFailed(batch);
          else await registry.retryOne(batch, key);
        },
      };
      return serve(io, source, options);
    });
  }
  if (name === undefined) throw new InputError('name the queue with --queue URL, or the -o folder of a batch');
  const journals = new Journals(name);
  return serve(
    io,
    {
      list: () => journals.list(),
      retry: async () => {
        throw new InputError('a batch without a queue tries what failed again when its command is run again');
      },
    },
    options,
  );
}

async function serve(io: Io, source: BatchSource, { serve: port, host }: PageOptions): Promise<never> {
  // What is wrong with the queue or the folder is said before the page is there.
  await source.list();
  const page = await servePage(source, {
    port,
    host: host ?? '127.0.0.1',
    script: builtFile(io.root, 'dist/cli/batch-page.js'),
    thumbnail,
  });
  io.err(`the batches are at ${page.address} (metrics at /metrics); Ctrl-C ends this page, not the batches\n`);
  await new Promise<void>((resolve) => {
    if (io.signal.aborted) resolve();
    io.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await page.close();
  throw new CancelledError('the page is closed; the batches go on');
}

async function thumbnail(path: string): Promise<Uint8Array> {
  const { width, height, data } = await loadImage(path);
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  return sharp(bytes, { raw: { width, height, channels: 4 }, limitInputPixels: false })
    .resize(THUMBNAIL, THUMBNAIL, { fit: 'inside', withoutEnlargement: true })
    .webp()
    .toBuffer();
}
