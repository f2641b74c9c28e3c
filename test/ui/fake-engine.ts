/** An engine that behaves, with arithmetic in place of diffusion: jobs take turns, can be aborted, and report. */
import { signal } from '@preact/signals-core';
import type { EngineDescription } from '../../engine/engine';
import { CancelledError, InputError } from '../../engine/errors';
import type { MemoryNeeds } from '../../engine/preflight';
import type { LossPoint, PairVerdict } from '../../engine/requests';
import type {
  EnginePort,
  EngineStatus,
  ImagineJob,
  JobHooks,
  KeepJob,
  LearnedStyle,
  LearnJob,
  PairJob,
  Png,
  Preview,
  RestyleJob,
  ImportedStyle,
} from '../../ui/ports';

export const GOOD_PAIR: PairVerdict = {
  usable: true,
  verdict: 'The two images share a layout.',
  problems: [],
  shift: { x: 0, y: 0 },
  edgeAgreement: 0.9,
  difference: 0.2,
};

export const MODEL: EngineDescription = {
  model: 'tiny',
  fingerprint: 'f00d',
  nativeSize: 256,
  device: { kind: 'wasm', name: 'one core', threads: 1, f16: false },
};

/** The model that reads pairs, as styles name it. */
export const PAIR_MODEL = { name: 'pairs', fingerprint: 'beef' };

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

export class FakeEngine implements EnginePort {
  readonly status = signal<EngineStatus>({ state: 'closed' });
  readonly notice = signal<string | null>(null);
  verdict: PairVerdict = GOOD_PAIR;
  readonly restyled: RestyleJob[] = [];
  readonly learned: LearnJob[] = [];
  readonly shown: PairJob[] = [];
  /** Holds a preview of a pair until it resolves; what it throws is its error. */
  onShow: ((job: PairJob) => void | Promise<void>) | undefined;
  prepared = 0;
  /** Runs after each step of learning. */
  onStep: ((step: number) => void | Promise<void>) | undefined;
  /** Holds a restyling until it resolves; what it throws is the job's error. */
  onRestyle: ((job: RestyleJob) => void | Promise<void>) | undefined;
  onPreview: ((strengths: readonly number[]) => void | Promise<void>) | undefined;
  /** Previews made and not disposed. */
  livePreviews = 0;
  opened = 0;

  async open(model: string): Promise<EngineDescription> {
    this.status.value = { state: 'opening', model };
    await turn();
    this.opened++;
    this.status.value = { state: 'ready', description: MODEL };
    return MODEL;
  }

  async check(): Promise<PairVerdict> {
    await turn();
    return this.verdict;
  }

  /** A checkpoint is one byte for each step done. */
  async learn(job: LearnJob, { signal: abort, onProgress, onCheckpoint }: JobHooks = {}): Promise<LearnedStyle> {
    this.learned.push(job);
    const steps = job.contentSteps + job.steps;
    const losses: LossPoint[] = [];
    for (let step = job.resume?.length ?? 0; step < steps;) {
      await turn();
      if (abort?.aborted) {
        onCheckpoint?.(new Uint8Array(step), step);
        throw new CancelledError();
      }
      step++;
      const style = step > job.contentSteps ? 1 / step : null;
      const loss = { step, content: 1 / step, style };
      losses.push(loss);
      const sample = job.sample && step % job.sample.every === 0 ? { sample: job.sample.picture } : {};
      onProgress?.({ phase: 'learn', step, steps, loss, ...sample });
      if (step % 5 === 0) onCheckpoint?.(new Uint8Array(step), step);
      await this.onStep?.(step);
    }
    const file = new Uint8Array([1, 2, 3, steps, job.seed]);
    const model = { name: MODEL.model, fingerprint: MODEL.fingerprint };
    return { name: job.style, prompt: job.prompt, model, rank: job.rank, steps, file, losses, seconds: 1 };
  }

  async keep({ style, before, after }: KeepJob): Promise<LearnedStyle> {
    await turn();
    const facts = { name: style, kind: 'pair', prompt: '', rank: 0, steps: 0, losses: [], seconds: 1 } as const;
    return { ...facts, model: { ...PAIR_MODEL }, file: new Uint8Array([...before, ...after]) };
  }

  async restyle(job: RestyleJob, { signal: abort, onProgress }: JobHooks = {}): Promise<Png> {
    if (abort?.aborted) throw new CancelledError();
    this.restyled.push(job);
    const cancelled = new Promise<never>((_, reject) =>
      abort?.addEventListener('abort', () => reject(new CancelledError())),
    );
    onProgress?.({ phase: 'invert', step: 1, steps: 2 });
    await Promise.race([turn(), cancelled]);
    await Promise.race([this.onRestyle?.(job), cancelled]);
    if (abort?.aborted) throw new CancelledError();
    return pictureOf(
      job.picture,
      job.styles.map(({ strength }) => strength),
    );
  }

  async imagine({ prompt, styles, seed }: ImagineJob, { signal: abort }: JobHooks = {}): Promise<Png> {
    await turn();
    if (abort?.aborted) throw new CancelledError();
    return pngHeader(MODEL.nativeSize, MODEL.nativeSize, [prompt.length, styles.length, seed]);
  }

  async showPair(job: PairJob, abort?: AbortSignal): Promise<Png> {
    this.shown.push(job);
    await turn();
    await this.onShow?.(job);
    if (abort?.aborted) throw new CancelledError();
    return new Uint8Array([...job.picture, ...job.after]);
  }

  prepareToShow(): void {
    this.prepared++;
  }

  async preview(original: Png): Promise<Preview> {
    this.livePreviews++;
    let newest = 0;
    return {
      at: async (strengths) => {
        const mine = ++newest;
        await this.onPreview?.(strengths);
        await turn();
        return mine === newest ? new Uint8Array([...pictureOf(original, strengths), 255]) : undefined;
      },
      dispose: () => void this.livePreviews--,
    };
  }

  async thumbnail(before: Png, after: Png): Promise<Png> {
    return new Uint8Array([...before, ...after]);
  }

  async inspectStyle(fileName: string, given: Uint8Array, config?: Uint8Array): Promise<ImportedStyle> {
    if (given.length === 0) throw new InputError(`${fileName} is not a style`);
    const file = config ? new Uint8Array([...config, ...given]) : given;
    const note = given[0] === 80 ? '60 of 80 modules are applied' : null;
    return { name: fileName.replace(/\..*$/, ''), prompt: '', model: null, rank: 8, steps: 0, file, note };
  }

  async memory() {
    return { files: 1e6, programs: 2e6, tensors: 3e6, peak: 9e6 };
  }

  /** What models take; an Error is thrown. */
  needed: MemoryNeeds | Error = { learn: 2000, restyle: 1500 };
  async needs(): Promise<MemoryNeeds> {
    if (this.needed instanceof Error) throw this.needed;
    return this.needed;
  }

  async dispose(): Promise<void> {
    this.status.value = { state: 'closed' };
  }
}

/** What restyling gives: the picture's bytes and the strengths. */
export function pictureOf(picture: Png, strengths: readonly number[]): Png {
  return new Uint8Array([...picture, ...strengths.map((strength) => Math.round(strength * 100))]);
}

/** The first bytes of a PNG of a size. */
export function pngHeader(width: number, height: number, more: readonly number[] = []): Png {
  const png = new Uint8Array(24 + more.length);
  const view = new DataView(png.buffer);
  view.setUint32(16, width);
  view.setUint32(20, height);
  png.set(more, 24);
  return png;
}
