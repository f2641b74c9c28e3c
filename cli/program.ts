/** The `diptych` command: its arguments, its help, and what becomes of errors. */
import { Command, CommanderError, type OptionValues } from 'commander';
import { CancelledError, DeviceError, InputError } from '../engine/errors';
import { IMAGINE_DEFAULTS, LEARN_DEFAULTS, RESTYLE_DEFAULTS } from '../engine/defaults';
import { GUIDE_MODES, LEARN_MODES, MODES } from '../engine/modes';
import { addBatchCommands } from './batch/program';
import { checkCommand, describeVerdict } from './subcommands/check';
import { imagineCommand, type ImagineOptions } from './subcommands/imagine';
import { describeInspection, inspectCommand } from './subcommands/inspect';
import type { Io } from './io';
import { quote, withOption } from './command-line';
import { detailsOf } from './terminal/details';
import { learnCommand, type LearnOptions } from './subcommands/learn';
import { number, oneOf, promptOption, STRENGTH_RANGE, strengths, wholeNumber } from './options';
import { KeptElsewhereError } from './outputs/output';
import { WEIGHT_FORMATS } from './inputs/models';
import { gatherPairs, pairOption } from './inputs/pairs';
import { printable, printableJson, printableLines, printableProgress } from './terminal/printable';
import { restyleCommand, type RestyleOptions } from './subcommands/restyle';
import { orCancelled } from './terminal/signals';
import { systemProblem } from './terminal/system-errors';

/** Exit codes: done, a defect or a device that failed, bad input, cancelled with the work saved. */
export const EXIT = { done: 0, failed: 1, badInput: 2, cancelled: 130 } as const;

/** diffusers' names for LoRA tensors, and kohya's, which ComfyUI and the like need. */
const KEYS = ['peft', 'kohya'] as const;
const MAX_SEED = 2 ** 32 - 1;
const MODES_HELP = LEARN_MODES.map((mode) => `${mode}: ${MODES[mode].summary}`).join('; ');

/** What a command came to: a JSON object, the same for people, and whether its answer is a refusal. */
interface Answer {
  readonly json: object;
  /** Printed on standard output without --json. */
  readonly text?: string;
  /** Why the exit code is 2 although there is an answer. */
  readonly refusal?: string;
}

/**
 * Runs a command line (without node and script) and returns the exit code. Errors a user can fix are one line on
 * standard error, and with --json an object with an `error` on standard output.
 */
export async function run(argv: readonly string[], outside: Io): Promise<number> {
  // Whatever a command shows while it works: a net below the escapes where names are put into lines.
  const io = { ...outside, err: (text: string) => outside.err(printableProgress(text)) };
  let json = argv.includes('--json');
  let code: number = EXIT.done;
  const finish = async (options: OptionValues, work: Promise<Answer>): Promise<void> => {
    json = options['json'] === true;
    const answer = await work;
    if (json) io.out(`${printableJson(answer.json)}\n`);
    else if (answer.text !== undefined) io.out(printableLines(answer.text));
    if (answer.refusal === undefined) return;
    io.err(`diptych: ${printable(answer.refusal)}\n`);
    code = EXIT.badInput;
  };
  try {
    await makeProgram(argv, io, finish).parseAsync(gatherPairs(argv), { from: 'user' });
    return code;
  } catch (error) {
    return reportError(error, io, json);
  }
}

function reportError(error: unknown, io: Io, json: boolean): number {
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
  if (error instanceof CommanderError && error.code === 'commander.help') {
    io.err('diptych: no command is given; see diptych --help\n');
    return EXIT.badInput;
  }
  const refused = exitCodeOf(error) === EXIT.failed ? systemProblem(error) : undefined;
  const code = refused === undefined ? exitCodeOf(error) : EXIT.badInput;
  const message = refused ?? (error instanceof Error ? error.message.replace(/^error: /, '') : String(error));
  // Only a defect shows where it happened.
  const shown =
    code === EXIT.failed && !(error instanceof DeviceError) && error instanceof Error ? error.stack : message;
  const { hint, json: more } = detailsOf(error);
  io.err(`diptych: ${code === EXIT.failed ? printableLines(shown ?? message) : printable(message)}\n`);
  if (hint !== undefined) io.err(`${printableLines(hint)}\n`);
  if (json)
    io.out(
      `${printableJson({ error: message, exitCode: code, ...more, ...(error instanceof KeptElsewhereError && { kept: error.kept }) })}\n`,
    );
  return code;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CancelledError) return EXIT.cancelled;
  if (error instanceof InputError || error instanceof CommanderError) return EXIT.badInput;
  return EXIT.failed;
}

type Finish = (options: OptionValues, work: Promise<Answer>) => Promise<void>;

function makeProgram(argv: readonly string[], io: Io, finish: Finish): Command {
  const program = new Command('diptych')
    .description('Learn a visual style from one before/after pair of images and apply it to others, on this machine.')
    .exitOverride()
    .version(io.version)
    .configureOutput({ writeOut: io.out, writeErr: () => undefined })
    .showHelpAfterError(false);
  const again = (option: string): string =>
    [io.command, ...withOption(argv, option).map((word) => quote(word))].join(' ');
  const command = (usage: string, description: string): Command =>
    program.command(usage).description(description).option('--json', 'print one JSON object on standard output');

  withWeights(withEngineOptions(command('learn <before> <after>', 'Learn the style that turns BEFORE into AFTER.')))
    .requiredOption('-o, --output <file>', 'the style, NAME.safetensors')
    .option('--prompt <text>', 'what both images show, e.g. "a red apple"', promptOption)
    .option('--style <name>', "the style's name (default: the output's)")
    .option(
      '--steps <n>',
      `training steps (${LEARN_DEFAULTS.steps}); 0 with --model pair`,
      wholeNumber('--steps', 0, 100_000),
    )
    .option(
      '--content-steps <n>',
      `steps on the before image alone (${LEARN_DEFAULTS.contentSteps})`,
      wholeNumber('--content-steps', 0, 100_000),
    )
    .option('--rank <n>', `rank of the LoRA (${LEARN_DEFAULTS.rank})`, wholeNumber('--rank', 1, 1024))
    .option('--lr <x>', `learning rate (${LEARN_DEFAULTS.learningRate})`, number('--lr', 0, 1, true))
    .option('--size <px>', SIZE_HELP, wholeNumber('--size', 8, 8192))
    .option('--seed <n>', `seed of noise and basis (${LEARN_DEFAULTS.seed})`, wholeNumber('--seed', 0, MAX_SEED))
    .option('--mode <mode>', `${MODES_HELP} (${LEARN_DEFAULTS.mode})`, oneOf('--mode', LEARN_MODES))
    .option('--keys <keys>', `names in the file: ${KEYS.join(', ')} (peft)`, oneOf('--keys', KEYS))
    .option('--pair <before after>', 'another pair of the same style, with --model pair (may be repeated)', pairOption)
    .option('--overwrite', OVERWRITE_HELP)
    .option('--force', 'learn even from a pair that the check finds unusable')
    .option('--resume', 'go on from the checkpoint of a run that was cancelled')
    .action((before: string, after: string, options: LearnOptions) =>
      finish(
        options,
        learnCommand(io, before, after, options, again('--resume')).then((json) => ({
          json,
          text: `${options.output}\n`,
        })),
      ),
    );

  withRestyleOptions(
    withWeights(
      withEngineOptions(
        command('restyle [files...]', 'Apply STYLE[,STYLE...] to images, or what a pair shows, at once.'),
      ),
    ),
  )
    .usage('[options] <styles> <images...>\n       diptych restyle [options] --pair <before> <after> <images...>')
    .option('--pair <before after>', PAIR_HELP, pairOption)
    .requiredOption('-o, --output <folder>', 'folder for the results, NAME.png each')
    .option('--overwrite', OVERWRITE_HELP)
    .option('--skip-existing', 'leave out images whose result is already there')
    .option('--with <style>', WITH_HELP, append)
    .option('--strength <x,...>', STRENGTH_HELP, strengths)
    .action((files: string[], options: RestyleOptions) =>
      finish(options, restyleCommand(io, files, options, again('--skip-existing'))),
    );

  addBatchCommands(io, { command, finish, withEngineOptions, withRestyleOptions });

  withWeights(withEngineOptions(command('imagine <styles>', 'Make a new picture in STYLE[,STYLE...].')))
    .requiredOption('--prompt <text>', 'what it shows', promptOption)
    .requiredOption('-o, --output <file>', 'the picture, NAME.png')
    .option('--overwrite', OVERWRITE_HELP)
    .option('--with <style>', WITH_HELP, append)
    .option('--strength <x,...>', STRENGTH_HELP, strengths)
    .option(
      '--guidance <x>',
      `guidance scale of the prompt (${IMAGINE_DEFAULTS.guidanceScale})`,
      number('--guidance', 0, 30),
    )
    .option('--steps <n>', `sampling steps (${IMAGINE_DEFAULTS.steps})`, wholeNumber('--steps', 1, 1000))
    .option(
      '--start <x>',
      `share of the noise schedule below which styles act (${IMAGINE_DEFAULTS.start})`,
      number('--start', 0, 1, true),
    )
    .option('--size <px>', SIZE_HELP, wholeNumber('--size', 8, 8192))
    .option('--seed <n>', `seed (${IMAGINE_DEFAULTS.seed})`, wholeNumber('--seed', 0, MAX_SEED))
    .option('--force', FORCE_HELP)
    .action((styles: string, options: ImagineOptions) =>
      finish(
        options,
        imagineCommand(io, styles, options).then((json) => ({ json, text: `${options.output}\n` })),
      ),
    );

  command('check <before> <after>', 'Say whether two images make a pair to learn from.').action(
    (before: string, after: string, options: OptionValues) =>
      finish(
        options,
        checkCommand(before, after, io.signal).then((verdict) => ({
          json: verdict,
          text: describeVerdict(verdict),
          ...(!verdict.usable && { refusal: verdict.verdict }),
        })),
      ),
  );

  command('inspect <path>', 'Say what a model folder, hub:ORG/NAME or a safetensors file is.').action(
    (path: string, options: OptionValues) =>
      finish(
        options,
        orCancelled(inspectCommand(path, io.root, io.signal), io.signal).then((inspection) => ({
          json: inspection,
          text: describeInspection(inspection),
          ...(inspection.problems.length > 0 && { refusal: inspection.problems[0]! }),
        })),
      ),
  );
  return program;
}

/** Collects what an option is given each time. */
const append = (value: string, values: readonly string[] = []): readonly string[] => [...values, value];
const PAIR_HELP =
  'a pair that shows the style, in place of a style file: no learning, and a preview rather than a match (may be repeated)';
const WITH_HELP = 'another style to blend in; may be repeated';
const OVERWRITE_HELP = 'replace files that are already there';
const SIZE_HELP = "long side at which the net works, px (the model's own; 512 to learn with SDXL)";
const STRENGTH_HELP = `one per style, or one for all, ${STRENGTH_RANGE.min} to ${STRENGTH_RANGE.max}; 0 is the original, 1 as learned (1)`;

const WEIGHTS_HELP = 'stored: as in the files; 8-bit: a large model in less memory, a little less exact (stored)';
const FORCE_HELP = 'apply a LoRA too of which less than half can be applied';

function withRestyleOptions(command: Command): Command {
  return command
    .option('--guide <guide>', `${GUIDE_MODES.join(', ')} (${RESTYLE_DEFAULTS.guide})`, oneOf('--guide', GUIDE_MODES))
    .option('--prompt <text>', 'what the images show', promptOption)
    .option('--steps <n>', `steps each way (${RESTYLE_DEFAULTS.steps})`, wholeNumber('--steps', 1, 1000))
    .option(
      '--start <x>',
      `share of the noise schedule gone up (${RESTYLE_DEFAULTS.start}; ${RESTYLE_DEFAULTS.backgroundStart} for a style that changes the whole background)`,
      number('--start', 0, 1, true),
    )
    .option('--size <px>', SIZE_HELP, wholeNumber('--size', 8, 8192))
    .option('--seed <n>', 'seed of the noise of --guide sdedit', wholeNumber('--seed', 0, MAX_SEED))
    .option('--force', FORCE_HELP);
}

/** For commands of one process; the slots of a batch open models as they are. */
function withWeights(command: Command): Command {
  return command.option('--weights <format>', WEIGHTS_HELP, oneOf('--weights', WEIGHT_FORMATS));
}

function withEngineOptions(command: Command): Command {
  return command
    .option(
      '--model <dir>',
      'diffusers folder, single .safetensors file, hub:ORG/NAME, or "pair" for the bundled model that reads pairs (default: the model in models/)',
    )
    .option('--device <device>', 'auto, cpu or webgpu (auto)', oneOf('--device', ['auto', 'cpu', 'webgpu'] as const))
    .option('--threads <n>', 'threads of the CPU (as many as help)', wholeNumber('--threads', 1, 256));
}
