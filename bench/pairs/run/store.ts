/** Results on disk: a JSON line per picture and row, pictures and learned styles beside them, so that a run can go on. */
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeWhole } from '../../../cli/outputs/output';
import { loadImage, savePng } from '../../../cli/inputs/images';
import { InputError } from '../../../engine/errors';
import type { Image } from '../../../engine/image/image';
import { METRICS_VERSION, type Metrics } from '../metrics/metrics';

/** One row's result for one picture. */
export interface Result {
  readonly task: string;
  readonly row: string;
  readonly image: string;
  /** Digests of the pair and of the test picture with its truth. */
  readonly pair: string;
  readonly test: string;
  readonly version: number;
  readonly metrics: Metrics;
}

/** What a result is of. */
export type ResultKey = Pick<Result, 'task' | 'row' | 'image' | 'pair' | 'test'>;

/** A pair that the program would not learn from, and its reason; of one row, where other rows may. */
export interface Refusal {
  readonly task: string;
  readonly row?: string;
  readonly pair: string;
  readonly refused: string;
}

/** What a run was: written once, for the page. */
export interface RunInfo {
  readonly model: string;
  readonly fingerprint: string;
  readonly device: string;
  readonly settings: string;
}

type Line = Result | Refusal;

export class Store {
  readonly folder: string;
  readonly #results = new Map<string, Result>();
  readonly #refusals = new Map<string, Refusal>();

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(folder: string): Promise<Store> {
    const store = new Store(folder);
    const text = await readFile(store.#lines, 'utf8').catch(() => '');
    // A run that was killed may have left its last line unfinished; what is added must not join it.
    const lines = text.split('\n');
    if (lines.pop() !== '') await writeWhole(store.#lines, Buffer.from(joined(lines)), { overwrite: true });
    for (const [i, line] of lines.entries()) {
      const known = parseLine(line);
      if (!known) {
        throw new InputError(`${store.#lines}: line ${i + 1} is no result; delete that line, or give another folder`);
      }
      store.#remember(known);
    }
    return store;
  }

  get #lines(): string {
    return join(this.folder, 'results.jsonl');
  }

  get results(): readonly Result[] {
    return [...this.#results.values()];
  }

  get refusals(): readonly Refusal[] {
    return [...this.#refusals.values()];
  }

  /** Whether a row of a picture was measured as it stands, by today's metrics. */
  has(wanted: ResultKey): boolean {
    const known = this.#results.get(keyOf(wanted));
    return known?.test === wanted.test && known.version === METRICS_VERSION;
  }

  /** The refusal of a row, or without one of the whole task. */
  refusal(task: string, pair: string, row?: string): Refusal | undefined {
    return this.#refusals.get(refusalKeyOf({ task, pair, row }));
  }

  async add(line: Line): Promise<void> {
    this.#remember(line);
    await appendFile(this.#lines, `${JSON.stringify(line)}\n`);
  }

  /** Makes the folder; called before anything is added. */
  async describe(info: RunInfo): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    await writeWhole(join(this.folder, 'run.json'), Buffer.from(`${JSON.stringify(info, null, 2)}\n`), {
      overwrite: true,
    });
  }

  /** What `describe` wrote; undefined when nothing was run. */
  async info(): Promise<RunInfo | undefined> {
    const path = join(this.folder, 'run.json');
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const info = parseObject(text) as RunInfo | undefined;
    const named = info && [info.model, info.device, info.settings].every((value) => typeof value === 'string');
    if (!named)
      throw new InputError(`${path}: does not say what the run was; run the benchmark into this folder again`);
    return info;
  }

  /** Where the picture of a result lies. */
  picturePath({ task, row, image, pair, test }: ResultKey): string {
    return join(this.folder, 'pictures', `${task}.${pair}`, row, `${image}.${test}.png`);
  }

  /** A result's picture, made when it is not there yet. */
  async picture(key: ResultKey, make: () => Promise<Image>): Promise<Image> {
    const path = this.picturePath(key);
    const known = await loadImage(path).catch(() => undefined);
    if (known) return known;
    const picture = await make();
    await mkdir(dirname(path), { recursive: true });
    await savePng(path, picture, { overwrite: true });
    return picture;
  }

  /** A learned style, learned when it is not there yet; lies beside the run's folder, where runs that learn alike are. */
  async style(task: string, pair: string, mode: string, learn: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const path = join(this.folder, '../styles', `${task}.${pair}.${mode}.safetensors`);
    const known = await readFile(path).catch(() => undefined);
    if (known) return new Uint8Array(known);
    const style = await learn();
    await mkdir(dirname(path), { recursive: true });
    await writeWhole(path, style, { overwrite: true });
    return style;
  }

  #remember(line: Line): void {
    if ('refused' in line) this.#refusals.set(refusalKeyOf(line), line);
    else this.#results.set(keyOf(line), line);
  }
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function parseLine(text: string): Line | undefined {
  const line = parseObject(text) as Partial<Result & Refusal> | undefined;
  const texts = (...values: unknown[]): boolean => values.every((value) => typeof value === 'string');
  if (!line || !texts(line.task, line.pair)) return undefined;
  if (texts(line.refused)) return line as Refusal;
  const sound = texts(line.row, line.image, line.test) && typeof line.metrics === 'object' && line.metrics !== null;
  return sound ? (line as Result) : undefined;
}

function joined(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

/** A suite may be drawn again with other pairs, and go back: results of every pair are kept. */
function keyOf({ task, pair, row, image }: Omit<ResultKey, 'test'>): string {
  return JSON.stringify([task, pair, row, image]);
}

function refusalKeyOf({ task, pair, row }: { task: string; pair: string; row?: string | undefined }): string {
  return JSON.stringify([task, pair, row ?? null]);
}
