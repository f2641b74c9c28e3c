/** The command line of the benchmark. */
import { Command, CommanderError } from 'commander';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { withEngine } from '../../../cli/inputs/models';
import { given, number, wholeNumber } from '../../../cli/options';
import type { CommandEngine, Io } from '../../../cli/io';
import { withLock } from '../../../cli/outputs/lock';
import { EXIT } from '../../../cli/program';
import { orCancelled } from '../../../cli/terminal/signals';
import { CancelledError, InputError } from '../../../engine/errors';
import { PerceptualNet } from '../metrics/perceptual';
import { writePage } from '../page/page';
import { buildSuite, DEFAULT_TESTS } from '../suite/build';
import { taskNames } from '../suite/task-file';
import { parseRows } from './rows';
import { ruler } from './ruler';
import { runJob } from './runner';
import { describeSettings, runFolder, settingsWith, type Settings } from './settings';
import { Store } from './store';
import { placeRun } from './placed';
import { summarise } from './summary';
import { summaryTable } from './table';

interface RunOptions {
  readonly suite: string;
  readonly out: string;
  readonly limit: number;
  readonly tasks?: readonly string[];
  readonly rows?: string;
  readonly model?: string;
  readonly threads?: number;
  readonly json?: boolean;
  readonly steps?: number;
  readonly contentSteps?: number;
  readonly rank?: number;
  readonly lr?: number;
  readonly seed?: number;
  readonly restyleSteps?: number;
  readonly start?: number;
}

const OUT = 'out/pairbench';
const SUITE = 'out/pairs';

/** Where the perceptual net lies in Diptych's folder. */
const NET_PATH = 'bench/pairs/perceptual/efficientnet-lite0.onnx';

/** Runs a command line and returns the exit code, as the `diptych` command does. */
export async function runPairbench(argv: readonly string[], io: Io): Promise<number> {
  try {
    await makeProgram(io).parseAsync([...argv], { from: 'user' });
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    const known = error instanceof InputError || error instanceof CommanderError || error instanceof CancelledError;
    const message = error instanceof Error ? error.message.replace(/^error: /, '') : String(error);
    io.err(`pairbench: ${known || !(error instanceof Error) ? message : error.stack}\n`);
    if (error instanceof CancelledError) return EXIT.cancelled;
    return known ? EXIT.badInput : EXIT.failed;
  }
}

const prefixes = (text: string): readonly string[] => text.split(',').map((prefix) => prefix.trim());

function makeProgram(io: Io): Command {
  const program = new Command('pairbench')
    .description('Measures restyling against ground truth.')
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: () => undefined });
  program
    .command('run', { isDefault: true })
    .description('learn from each task of a suite, restyle its test pictures, score them; goes on where it stopped')
    .requiredOption('--suite <dir>', 'folder of tasks')
    .option('--limit <n>', 'most test pictures of a task', wholeNumber('--limit', 1, 100_000), 100_000)
    .option('--tasks <names>', 'only tasks whose names begin with one of these', prefixes)
    .option('--rows <rows>', 'rows to run: NAME or NAME@STRENGTH, by commas (default: all)')
    .option(
      '--model <dir>',
      'diffusers folder, hub:ORG/NAME, or pair: nothing is learned (default: the model in models/)',
    )
    .option('--threads <n>', 'threads of the CPU', wholeNumber('--threads', 1, 256))
    .option('--out <dir>', 'folder of results and pictures', OUT)
    .option('--json', 'print one JSON object on standard output')
    .option('--steps <n>', 'learning steps', wholeNumber('--steps', 1, 100_000))
    .option(
      '--content-steps <n>',
      'learning steps on the before image alone',
      wholeNumber('--content-steps', 0, 100_000),
    )
    .option('--rank <n>', 'rank of the LoRA', wholeNumber('--rank', 1, 1024))
    .option('--lr <x>', 'learning rate', number('--lr', 0, 1, true))
    .option('--seed <n>', 'seed of learning', wholeNumber('--seed', 0, 2 ** 32 - 1))
    .option('--restyle-steps <n>', 'steps each way', wholeNumber('--restyle-steps', 1, 1000))
    .option('--start <x>', 'share of the noise schedule gone up', number('--start', 0, 1, true))
    .action((options: RunOptions) => runSuite(io, options));
  program
    .command('build')
    .description('draw a suite from the icon sets of bench/pairs/package.json (npm ci --prefix bench/pairs)')
    .option('-o, --output <dir>', 'the suite', SUITE)
    .option('--tasks <names>', 'only tasks whose names begin with one of these', prefixes)
    .option('--limit <n>', 'most test pictures of a task', wholeNumber('--limit', 1, 100_000), DEFAULT_TESTS)
    .option('--seed <n>', 'seed of every choice', wholeNumber('--seed', 0, 2 ** 32 - 1), 1)
    .action(({ output, tasks, limit, seed }: { output: string; tasks?: string[]; limit: number; seed: number }) =>
      // A task's folder counts only once it is whole: nothing is lost by not waiting.
      orCancelled(buildSuite({ root: io.root, output, seed, limit, report: io.err, ...given({ tasks }) }), io.signal),
    );
  program
    .command('page')
    .description('write docs/pairbench.md and its pictures from the results of a run')
    .requiredOption('--suite <dir>', 'folder of tasks')
    .requiredOption('--results <dir>', 'folder of one run, which holds run.json')
    .option('-o, --output <dir>', 'where pairbench.md and pairbench/ go', 'docs')
    .action(({ suite, results, output }: { suite: string; results: string; output: string }) =>
      orCancelled(writePage({ suite, results, output, report: io.err }), io.signal),
    );
  program
    .command('ruler')
    .description('what known harm to the truths of tasks measures, to read the other numbers by')
    .requiredOption('--suite <dir>', 'folder of tasks')
    .option('--tasks <names>', 'only tasks whose names begin with one of these', prefixes)
    .option('--limit <n>', 'most pictures of a task', wholeNumber('--limit', 2, 100_000), 5)
    .action(async ({ suite, tasks, limit }: { suite: string; tasks?: string[]; limit: number }) => {
      const wanted = await wantedTasks(suite, tasks);
      const lines = await orCancelled(
        withNet(io, (net) => ruler(suite, wanted, limit, net)),
        io.signal,
      );
      io.out(`${lines.join('\n')}\n`);
    });
  return program;
}

/** The tasks of a suite whose names begin with one of the prefixes. */
async function wantedTasks(suite: string, tasks: readonly string[] | undefined): Promise<string[]> {
  const wanted = (await taskNames(suite)).filter((name) => tasks?.some((prefix) => name.startsWith(prefix)) ?? true);
  if (wanted.length > 0) return wanted;
  throw new InputError(`--tasks ${tasks!.join()}: no task of ${suite} begins so; list the folder`);
}

async function withNet<T>(io: Io, work: (net: PerceptualNet) => Promise<T>): Promise<T> {
  const net = await PerceptualNet.open(join(io.root, NET_PATH));
  try {
    return await work(net);
  } finally {
    await net.dispose();
  }
}

async function runSuite(io: Io, options: RunOptions): Promise<void> {
  const rows = parseRows(options.rows, options.model === 'pair');
  const wanted = await wantedTasks(options.suite, options.tasks);
  const settings = settingsFrom(options);
  await withEngine(io, options, async (engine) => {
    const folder = runFolder(options.out, engine.description.fingerprint, settings);
    await mkdir(dirname(folder), { recursive: true });
    await withLock(folder, () => runInto(folder, engine));
  });

  async function runInto(folder: string, engine: CommandEngine): Promise<void> {
    const { model, fingerprint, device } = engine.description;
    const store = await Store.open(folder);
    const info = {
      model,
      fingerprint,
      device: `${device.name}, ${device.threads} ${device.threads === 1 ? 'thread' : 'threads'}`,
      settings: describeSettings(settings),
    };
    await store.describe(info);
    io.err(`${model}; ${info.settings}\nresults in ${folder}\n`);
    const { suite, limit } = options;
    const job = { suite, tasks: wanted, rows, settings, limit, signal: io.signal, report: io.err };
    await withNet(io, (net) => runJob(job, engine, net, store));
    const { results, refusals } = await placeRun(suite, wanted, store);
    const asked = (row: string): boolean => rows.some(({ name }) => name === row);
    const summaries = summarise(results.filter(({ row }) => asked(row)));
    const refused = refusals.filter(({ row }) => row === undefined || asked(row));
    if (options.json) io.out(`${JSON.stringify({ ...info, results: folder, rows: summaries, refused })}\n`);
    else io.out(summaryTable(summaries, refused));
  }
}

function settingsFrom(options: RunOptions): Settings {
  const { steps, contentSteps, rank, lr, seed, restyleSteps, start } = options;
  return settingsWith(
    given({ steps, contentSteps, rank, learningRate: lr, seed }),
    given({ steps: restyleSteps, start }),
  );
}
