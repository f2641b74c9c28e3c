/** A folder of its own and recorded output for a test of the command line, with a stand-in for the engine. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandEngine, Io } from '../../cli/io';
import type { Image } from '../../engine/image/image';
import { BLUE, drawing, PALE, RED } from '../support/drawing';

export interface Desk {
  readonly folder: string;
  /** A path in the folder. */
  readonly at: (name: string) => string;
  readonly controller: AbortController;
  /** Runs a command line; output is what this run alone wrote. */
  readonly run: (...argv: string[]) => Promise<{ code: number; out: string; err: string }>;
  readonly close: () => void;
}

/** @param openEngine what opens the engine; without it, opening one is an error. */
export function desk(openEngine?: Io['openEngine'], root = '/nowhere'): Desk {
  const folder = mkdtempSync(join(tmpdir(), 'diptych-cli-'));
  const controller = new AbortController();
  return {
    folder,
    at: (name) => join(folder, name),
    controller,
    async run(...argv) {
      // Loaded by the first test that runs a command: most need only the folder.
      const { run } = await import('../../cli/program');
      let out = '';
      let err = '';
      const code = await run(argv, {
        out: (text) => (out += text),
        err: (text) => (err += text),
        interactive: false,
        signal: controller.signal,
        command: 'diptych',
        version: '1.2.3',
        root,
        openEngine: openEngine ?? (() => Promise.reject(new Error('no engine was expected'))),
      });
      return { code, out, err };
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export async function writePng(path: string, { width, height, data }: Image): Promise<void> {
  const { default: sharp } = await import('sharp');
  await sharp(Buffer.from(data), { raw: { width, height, channels: 4 } })
    .png()
    .toFile(path);
}

/** before.png and after.png: one drawing in two colours. */
export async function writePair(desk: Desk): Promise<[string, string]> {
  await writePng(desk.at('before.png'), drawing(48, 48, RED, PALE));
  await writePng(desk.at('after.png'), drawing(48, 48, BLUE, PALE));
  return [desk.at('before.png'), desk.at('after.png')];
}

/** A file that stands for a style where a stand-in engine does not read it. */
export function writeStyle(desk: Desk, name: string): string {
  writeFileSync(desk.at(name), name);
  return desk.at(name);
}

/** An engine that refuses every job but those given. */
export function standIn(jobs: Partial<CommandEngine>): Io['openEngine'] {
  const refuse = (): never => {
    throw new Error('this job was not expected');
  };
  const description: CommandEngine['description'] = {
    model: 'stand-in',
    fingerprint: '0',
    nativeSize: 64,
    device: { kind: 'cpu', name: 'none', threads: 1, f16: false },
  };
  const engine: CommandEngine = {
    description,
    learn: refuse,
    restyle: refuse,
    imagine: refuse,
    describeStyle: async (name: string) => ({
      ...{ name, prompt: '', model: null, rank: 1, steps: 0 },
      coverage: { applied: 1, modules: 1, notApplied: [] },
    }),
    dispose: async () => undefined,
    ...jobs,
  };
  return async () => engine;
}
