/** The demo: learns from a bundled pair, restyles pictures it has never seen, and writes a report. */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import type { LossPoint, PairVerdict } from '../../engine/requests';
import { withLock } from '../outputs/lock';
import { writeWhole } from '../outputs/output';
import type { CommandEngine, Io } from '../io';
import { duration } from '../terminal/progress';
import { quote } from '../command-line';
import { EXIT, run } from '../program';
import { AtOnce } from './at-once';
import type { Command } from './command';
import { renderReport, type Row, type Step } from './report';
import { readRow } from './row';

/** All paths are relative to Diptych's folder, where the demo runs, so that its commands can be typed there. */
const DATA = 'cli/demo-data';
const OUT = 'out/demo';
const STYLE_FILE = `${OUT}/ink.safetensors`;
const CHECKPOINT = `${STYLE_FILE}.checkpoint`;
const PROMPT = 'a teddy bear';
const STYLE = 'ink';
const PICTURES = ['cactus', 'umbrella', 'koala', 'robot', 'sunflower', 'locked', 'green-apple', 'sake'];
const STRENGTHS = [0, 0.5, 1, 1.5];

const BEFORE = `${DATA}/before.png`;
const AFTER = `${DATA}/after.png`;
const inputs = PICTURES.map((name) => `${DATA}/${name}.png`);
const folderOf = (strength: number): string => `${OUT}/strength-${strength}`;

const CHECK: Command = { title: 'Check the pair', argv: ['check', BEFORE, AFTER] };
const LEARN: Command = {
  title: 'Learn the style',
  argv: ['learn', BEFORE, AFTER, '--prompt', PROMPT, '--style', STYLE, '-o', STYLE_FILE],
};
const RESTYLE: readonly Command[] = STRENGTHS.map((strength) => ({
  title: `Restyle ${PICTURES.length} pictures at strength ${strength}`,
  argv: ['restyle', STYLE_FILE, ...inputs, '--strength', String(strength), '-o', folderOf(strength)],
}));

const AT_ONCE = new AtOnce(DATA, OUT);

interface LearnReport {
  readonly losses: readonly LossPoint[];
  readonly model: string;
  readonly device: CommandEngine['description']['device'];
}

/** A command of the demo did not end well; its own line has been printed. */
class StepFailed extends Error {
  constructor(readonly code: number) {
    super(`exit code ${code}`);
  }
}

/** Runs the demo in Diptych's folder, which must be the current one; returns the exit code. */
export async function runDemo(io: Io): Promise<number> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  await mkdir(OUT, { recursive: true });
  return withLock(OUT, () => runLocked(io, seconds));
}

async function runLocked(io: Io, seconds: () => number): Promise<number> {
  const resumes = await clearFolder();
  const shared = shareEngine(io);
  const steps: Step[] = [];
  try {
    const restyles = [...RESTYLE, ...AT_ONCE.commands];
    const total = 2 + restyles.length;
    const doStep = async <T>(command: Command): Promise<T> => {
      io.err(`\n[${steps.length + 1}/${total}] ${command.title}\n$ npx ${lineOf(command)}\n`);
      const { step, answer } = await runStep<T>(command, shared.io);
      steps.push(step);
      return answer;
    };
    const verdict = await doStep<PairVerdict>(CHECK);
    if (resumes) io.err('\nA demo that was cancelled while it learned: this one goes on from there.\n');
    const learned = await doStep<LearnReport>(resumes ? { ...LEARN, argv: [...LEARN.argv, '--resume'] } : LEARN);
    for (const command of restyles) await doStep(command);

    const page = renderReport({
      before: await readFile(BEFORE),
      after: await readFile(AFTER),
      verdict: verdict.verdict,
      edgeAgreement: verdict.edgeAgreement,
      prompt: PROMPT,
      style: STYLE,
      rows: await Promise.all(PICTURES.map(rowOf)),
      atOnce: await AT_ONCE.read(),
      losses: learned.losses,
      steps,
      machine: describeMachine(learned),
      seconds: seconds(),
      date: new Date().toISOString().slice(0, 16).replace('T', ' ') + ' UTC',
    });
    await writeWhole(`${OUT}/index.html`, Buffer.from(page), { overwrite: true });
    io.err(`\ndone in ${duration(seconds())}. The report:\n`);
    io.out(`${join(io.root, OUT, 'index.html')}\n`);
    return EXIT.done;
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    if (error.code === EXIT.cancelled) io.err('Or run the demo again: it goes on from there.\n');
    // A checkpoint of another version of Diptych: the next demo begins anew.
    else if (resumes) await rm(CHECKPOINT, { force: true });
    return error.code;
  } finally {
    await shared.dispose();
  }
}

/** Empties the demo's folder, but for what a learning run left to go on from; returns whether there is that. */
async function clearFolder(): Promise<boolean> {
  const names = await readdir(OUT);
  const kept = names.includes(basename(CHECKPOINT));
  for (const name of names) {
    if (name !== basename(CHECKPOINT)) await rm(join(OUT, name), { recursive: true, force: true });
  }
  return kept;
}

/** Runs one command as the command line would. */
async function runStep<T>(command: Command, io: Io): Promise<{ step: Step; answer: T }> {
  const started = performance.now();
  let printed = '';
  const code = await run([...command.argv, '--json'], {
    ...io,
    command: 'npx diptych',
    out: (text) => (printed += text),
  });
  if (code !== EXIT.done) throw new StepFailed(code);
  const seconds = (performance.now() - started) / 1000;
  return {
    step: { title: command.title, command: `npx ${lineOf(command)}`, seconds },
    answer: JSON.parse(printed) as T,
  };
}

function lineOf({ argv }: Command): string {
  return ['diptych', ...argv.map((word) => quote(word))].join(' ');
}

/** One engine a model for all commands, opened by the first that needs it. */
function shareEngine(io: Io): { io: Io; dispose: () => Promise<void> } {
  const opened = new Map<string, Promise<CommandEngine>>();
  const openEngine: Io['openEngine'] = async (...request) => {
    const { name } = request[0];
    const opening = opened.get(name) ?? io.openEngine(...request);
    opened.set(name, opening);
    const engine = await opening;
    return {
      description: engine.description,
      learn: (...job) => engine.learn(...job),
      restyle: (...job) => engine.restyle(...job),
      imagine: (...job) => engine.imagine(...job),
      describeStyle: (...style) => engine.describeStyle(...style),
      dispose: async () => undefined,
    };
  };
  const dispose = async (): Promise<void> => {
    for (const opening of opened.values()) await (await opening.catch(() => undefined))?.dispose();
  };
  return { io: { ...io, openEngine }, dispose };
}

const rowOf = (name: string): Promise<Row> =>
  readRow({
    name,
    input: `${DATA}/${name}.png`,
    strengths: STRENGTHS,
    output: (strength) => `${folderOf(strength)}/${name}.png`,
    drawn: `${DATA}/drawn/${name}.png`,
  });

function describeMachine({ model, device }: LearnReport): [string, string][] {
  const processors = cpus();
  return [
    ['Processor', `${processors[0]?.model.trim() ?? 'unknown'}, ${processors.length} cores`],
    ['Memory', `${(totalmem() / 2 ** 30).toFixed(0)} GiB`],
    [
      'Computed on',
      `${device.kind} (${device.name}), ${device.threads} ${device.threads === 1 ? 'thread' : 'threads'}`,
    ],
    ['Model', model],
    ['Node', `${process.version}, ${process.platform} ${process.arch}`],
  ];
}
