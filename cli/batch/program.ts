/** The commands of batches: their arguments and help. */
import type { Command, OptionValues } from 'commander';
import { InputError } from '../../engine/errors';
import { batchCommand } from './batch';
import {
  changeBatchCommand,
  queueBatchCommand,
  requireQueue,
  workerCommand,
  type BatchCommandOptions,
  type WorkerOptions,
} from './queue';
import { batchesCommand, describeBatches, type BatchesOptions } from './batches';
import type { Io } from '../io';
import { batchNameOption, strengths, wholeNumber } from '../options';

/** What the program around lends these commands. */
export interface ProgramParts {
  readonly command: (usage: string, description: string) => Command;
  readonly withEngineOptions: (command: Command) => Command;
  readonly withRestyleOptions: (command: Command) => Command;
  /** Prints what a command came to. */
  readonly finish: (
    options: OptionValues,
    work: Promise<{ json: object; text?: string; refusal?: string }>,
  ) => Promise<void>;
}

const CONCURRENCY = wholeNumber('--concurrency', 1, 1024);
const QUEUE_HELP = 'redis://HOST:PORT/N or postgres://USER:PASSWORD@HOST:PORT/DATABASE';

export function addBatchCommands(
  io: Io,
  { command, finish, withEngineOptions, withRestyleOptions }: ProgramParts,
): void {
  withRestyleOptions(
    withEngineOptions(
      command('batch <style> [inputs...]', 'Apply STYLE to folders, patterns or lists of pictures, in parallel.'),
    ),
  )
    .option('-o, --output <folder>', 'folder for the results; the folders of the inputs are kept')
    .option(
      '--with <style>',
      'another style to blend in; may be repeated',
      (text: string, all: readonly string[] = []): readonly string[] => [...all, text],
    )
    .option(
      '--strength <x,...>',
      'as for restyle; given several times, each picture gets a result for each',
      (text: string, all: readonly (readonly number[])[] = []) => [...all, strengths(text)],
    )
    .option('--concurrency <n>', 'pictures at once on this machine (as many as fit)', CONCURRENCY)
    .option('--overwrite', 'replace files that are already there')
    .option('--queue <url>', QUEUE_HELP)
    .option('--name <name>', 'name of the batch (default: from its folder and settings)', batchNameOption)
    .option('--transfer', 'with --queue: send the files through it, for workers that do not see these folders')
    .option('--wait', 'with --queue: wait until the batch is done (so without --detach)')
    .option('--detach', 'with --queue: do not wait for the batch')
    .option('--cancel', 'with --queue: take what waits of the batch STYLE names out of the queue')
    .option('--retry-failed', 'with --queue: try what failed of the batch STYLE names again')
    .action((style: string, inputs: string[], options: BatchCommandOptions) => {
      if (options.cancel || options.retryFailed) {
        const work = changeBatchCommand(io, style, { ...options, queue: requireQueue(options.queue) });
        return finish(
          options,
          work.then((json) => ({ json })),
        );
      }
      const { queue } = options;
      for (const option of ['transfer', 'wait', 'detach'] as const) {
        if (options[option] && queue === undefined) {
          throw new InputError(`--${option} is for a queue; name it with --queue URL`);
        }
      }
      if (options.wait && options.detach) {
        throw new InputError('--wait and --detach contradict each other; leave one out');
      }
      const work =
        queue === undefined
          ? batchCommand(io, style, inputs, options)
          : queueBatchCommand(io, style, inputs, { ...options, queue });
      return finish(
        options,
        work.then((summary) => ({
          json: { event: 'end', ...summary },
          text: `${summary.output}\n`,
          ...(summary.failed > 0 && {
            refusal: `${summary.failed} of ${summary.total} pictures failed; run the same command again to try them again`,
          }),
        })),
      );
    });

  withEngineOptions(command('worker', 'Work for a queue of batches until Ctrl-C.'))
    .requiredOption('--queue <url>', QUEUE_HELP)
    .option('--concurrency <n>', 'pictures at once (as many as fit)', CONCURRENCY)
    .option(
      '--lock <seconds>',
      'time after the death of a worker until others get its pictures (30)',
      wholeNumber('--lock', 1, 3600),
    )
    .action((options: WorkerOptions) =>
      finish(
        options,
        workerCommand(io, options).then((json) => ({ json })),
      ),
    );

  command('batches [name]', 'Say what is queued, running, done and failed: in a queue, or in the folder of a batch.')
    .option('--queue <url>', QUEUE_HELP)
    .option('--watch', 'say it again every two seconds')
    .option(
      '--serve [port]',
      'show them on a web page, with metrics at /metrics (8790)',
      wholeNumber('--serve', 0, 65535),
    )
    .option('--host <address>', 'address of the page (127.0.0.1); on any other it wants the token it prints')
    .action((name: string | undefined, options: BatchesOptions) =>
      finish(
        options,
        batchesCommand(io, name, options).then((batches) => ({ json: { batches }, text: describeBatches(batches) })),
      ),
    );
}
