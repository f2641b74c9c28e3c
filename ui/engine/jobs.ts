/** The engine as the panel's state sees it (ports.ts): PNG files in, PNG files out, and jobs that survive a breakdown. */
import type { ReadonlySignal } from '@preact/signals-core';
import type { EngineDescription } from '../../engine/engine';
import { InputError } from '../../engine/errors';
import { describeCoverage } from '../../engine/lora/coverage';
import { joinPeftConfig, PEFT_FILES } from '../../engine/lora/peft-config';
import type { Image } from '../../engine/image/image';
import type { LearnRequest, LearnResult, PairVerdict, Progress } from '../../engine/requests';
import type { MemoryNeeds } from '../../engine/preflight';
import { isPairStyle } from '../../engine/restyle/pair-style-file';
import type { MemoryReport } from '../../engine/runtime/memory';
import { openSafetensors } from '../../engine/weights/safetensors';
import { bytesSource } from '../../engine/weights/source';
import type { EngineClient } from '../../engine/worker/client';
import { NOTHING_HELD } from '../../engine/worker/protocol';
import type {
  EnginePort,
  EngineStatus,
  ImagineJob,
  ImportedStyle,
  JobHooks,
  KeepJob,
  LearnedStyle,
  LearnJob,
  PairJob,
  Png,
  Preview,
  RestyleJob,
} from '../ports';
import type { EngineHost, Resumption } from './host';
import type { Pictures } from './pictures/pictures';
import { Reports } from './reports';

/** A breakdown costs at most this much of a run. Reading the state back takes some milliseconds. */
const CHECKPOINT_SECONDS = 5;

/** Figma keeps 5 MB for a plugin in all: half precision makes room for twice as many styles. */
const STYLE_FILE = { dtype: 'F16' } as const;

/** Of the picture that warms an engine up, px: square layers are drawn at this size. */
const WARM_SIDE = 256;

const ONCE_MORE: Resumption = {
  again: (times) => times < 2,
  notice: () => 'The engine stopped and was started again. The picture is made once more.',
};

export class EngineJobs implements EnginePort {
  readonly #host: EngineHost;
  /** Another engine, on the model that reads pairs: what it shows need not wait for a style that is being learned. */
  readonly #pairs: EngineHost;
  /** Whether that engine was started ahead of its first picture. */
  #prepared = false;
  readonly #pictures: Pictures;
  readonly #checkpointSeconds: number;
  readonly status: ReadonlySignal<EngineStatus>;
  readonly notice: ReadonlySignal<string | null>;

  constructor(
    { jobs: host, pairs }: { readonly jobs: EngineHost; readonly pairs: EngineHost },
    pictures: Pictures,
    checkpointSeconds = CHECKPOINT_SECONDS,
  ) {
    this.#host = host;
    this.#pairs = pairs;
    this.#pictures = pictures;
    this.#checkpointSeconds = checkpointSeconds;
    this.status = host.status;
    this.notice = host.notice;
  }

  open(model: string, signal?: AbortSignal): Promise<EngineDescription> {
    return this.#host.open(model, signal);
  }

  check(before: Png, after: Png): Promise<PairVerdict> {
    return this.#pictures.check(before, after);
  }

  async learn(job: LearnJob, hooks: JobHooks = {}): Promise<LearnedStyle> {
    const started = performance.now();
    const { signal } = hooks;
    const [before, after, sampleImage] = await Promise.all([
      this.#pictures.decode(job.before, 'the before image', signal),
      this.#pictures.decode(job.after, 'the after image', signal),
      job.sample && this.#pictures.decode(job.sample.picture, 'the sample', signal),
    ]);
    const { style, prompt, steps, contentSteps, rank, learningRate, seed, force } = job;
    const request: LearnRequest = {
      ...{ before, after, prompt, style, steps, contentSteps, rank, learningRate, seed },
      ...(force && { force }),
      ...(sampleImage && { sampleImage, sampleEvery: job.sample!.every }),
      checkpointSeconds: this.#checkpointSeconds,
      file: STYLE_FILE,
    };
    const { result, model } = await this.#learnOn(request, job.resume, hooks);
    return {
      name: style.trim(),
      prompt: prompt.trim(),
      model: { name: model.model, fingerprint: model.fingerprint },
      rank,
      steps: result.steps,
      file: result.style,
      losses: result.losses,
      seconds: (performance.now() - started) / 1000,
    };
  }

  async keep({ before, after, style, force }: KeepJob, signal?: AbortSignal): Promise<LearnedStyle> {
    const started = performance.now();
    const pair = {
      before: await this.#pictures.decode(before, 'the before image', signal),
      after: await this.#pictures.decode(after, 'the after image', signal),
    };
    const request: LearnRequest = { ...pair, prompt: '', style, steps: 0, ...(force && { force }) };
    return this.#pairs.run(
      async ({ client, description: { model, fingerprint } }) => {
        const { style: file } = await client.learn(request, signal ? { signal } : {});
        const seconds = (performance.now() - started) / 1000;
        const facts = { name: style.trim(), kind: 'pair', prompt: '', rank: 0, steps: 0 } as const;
        return { ...facts, model: { name: model, fingerprint }, file, losses: [], seconds };
      },
      ONCE_MORE,
      signal,
    );
  }

  async restyle(job: RestyleJob, hooks: JobHooks = {}): Promise<Png> {
    const { picture, styles, prompt, guide, steps, seed } = job;
    const held = await Promise.all(styles.map(({ file }) => holdsPair(file)));
    const byPairs = held.includes(true);
    if (byPairs && held.includes(false)) {
      throw new InputError(
        'a style that is used by its pair and a learned one cannot be blended: take one of them out',
      );
    }
    const image = await this.#pictures.decode(picture, 'the picture', hooks.signal);
    const request = byPairs ? { image, styles } : { image, styles, prompt, guide, steps, seed };
    return this.#picture(byPairs ? this.#pairs : this.#host, hooks, (client, options) =>
      client.restyle(request, options),
    );
  }

  imagine(job: ImagineJob, hooks: JobHooks = {}): Promise<Png> {
    return this.#picture(this.#host, hooks, (client, options) => client.imagine(job, options));
  }

  async showPair({ before, after, picture, side }: PairJob, signal?: AbortSignal): Promise<Png> {
    const [image, ...pair] = await Promise.all([
      this.#pictures.decode(picture, 'the picture', signal, side),
      this.#pictures.decode(before, 'the before image', signal, side),
      this.#pictures.decode(after, 'the after image', signal, side),
    ]);
    const styles = [{ name: 'the pair', pairs: [{ before: pair[0]!, after: pair[1]! }], strength: 1 }];
    const shown = await this.#pairs.run(
      ({ client }) => client.restyle({ image, styles }, signal ? { signal } : {}),
      ONCE_MORE,
      signal,
    );
    return this.#pictures.encode(shown, signal);
  }

  prepareToShow(): void {
    if (this.#prepared) return;
    this.#prepared = true;
    // A picture of nothing: it compiles what the first real one would wait for, several seconds with one thread.
    const blank: Image = { width: WARM_SIDE, height: WARM_SIDE, data: new Uint8ClampedArray(4 * WARM_SIDE ** 2) };
    const styles = [{ pairs: [{ before: blank, after: blank }], strength: 0 }];
    // What is wrong with the engine is said when it is asked for a picture.
    this.#pairs.run(({ client }) => client.restyle({ image: blank, styles }), ONCE_MORE).catch(() => undefined);
  }

  preview(original: Png, styled: Png, strengths: readonly number[], side: number): Promise<Preview> {
    return this.#pictures.preview(original, styled, strengths, side);
  }

  thumbnail(before: Png, after: Png, side: number): Promise<Png> {
    return this.#pictures.thumbnail(before, after, side);
  }

  async inspectStyle(fileName: string, given: Uint8Array, config?: Uint8Array): Promise<ImportedStyle> {
    const file = config ? await joinPeftConfig(fileName, given, PEFT_FILES.config, config) : given;
    const host = (await holdsPair(file)) ? this.#pairs : this.#host;
    const { name, coverage, ...facts } = await host.run(
      ({ client }) => client.describeStyle(fileName, file),
      ONCE_MORE,
    );
    const note = coverage.notApplied.length > 0 ? describeCoverage(coverage) : null;
    return { name: name || fileName.replace(/\.safetensors$/i, ''), ...facts, file, note };
  }

  async memory(): Promise<MemoryReport> {
    const reports = await Promise.all([this.#host, this.#pairs].map((host) => host.current?.memory() ?? NOTHING_HELD));
    return reports.reduce((a, b) => ({
      files: a.files + b.files,
      programs: a.programs + b.programs,
      tensors: a.tensors + b.tensors,
      peak: a.peak + b.peak,
    }));
  }

  needs(model: string): Promise<MemoryNeeds> {
    return this.#host.needs(model);
  }

  async dispose(): Promise<void> {
    await Promise.all([this.#host.dispose(), this.#pairs.dispose(), this.#pictures.dispose()]);
  }

  /** A job whose result is a picture. */
  async #picture(
    host: EngineHost,
    hooks: JobHooks,
    job: (client: EngineClient, options: { signal?: AbortSignal; onProgress: (p: Progress) => void }) => Promise<Image>,
  ): Promise<Png> {
    const { signal } = hooks;
    const reports = new Reports(hooks, this.#pictures, (text) => host.say(sentence(text)));
    const image = await host.run(
      ({ client }, works) => {
        const onProgress = (progress: Progress): void => {
          if (progress.phase !== 'load') works();
          reports.send(progress);
        };
        return job(client, { onProgress, ...(signal && { signal }) });
      },
      ONCE_MORE,
      signal,
    );
    await reports.sent();
    return this.#pictures.encode(image, signal);
  }

  /** Learns, going on from the last checkpoint after each breakdown before which there was some progress. */
  async #learnOn(
    request: LearnRequest,
    resume: Uint8Array | undefined,
    hooks: JobHooks,
  ): Promise<{ result: LearnResult; model: EngineDescription }> {
    const { signal } = hooks;
    const reports = new Reports(hooks, this.#pictures, (text) => this.#host.say(sentence(text)));
    let checkpoint = resume;
    /** Steps in the checkpoint; of a caller's own, not known. */
    let saved = 0;
    let savedBefore = -1;
    const resumption: Resumption = {
      again: () => {
        const progressed = saved > savedBefore;
        savedBefore = saved;
        return progressed;
      },
      notice: () =>
        saved > 0
          ? `The engine stopped and was started again. Learning goes on from step ${saved}.`
          : 'The engine stopped and was started again. Learning begins again.',
    };
    try {
      return await this.#host.run(
        async ({ client, description }, works) => {
          const onProgress = (progress: Progress): void => {
            if (progress.loss) works();
            if (progress.checkpoint) {
              checkpoint = progress.checkpoint;
              saved = progress.step;
            }
            reports.send(progress);
          };
          const again = { ...request, ...(checkpoint && { resume: checkpoint }) };
          const result = await client.learn(again, { onProgress, ...(signal && { signal }) });
          return { result, model: description };
        },
        resumption,
        signal,
      );
    } finally {
      await reports.sent();
    }
  }
}

/** Whether a style file holds its pair. What is no style file is refused where it is read. */
async function holdsPair(file: Uint8Array): Promise<boolean> {
  return openSafetensors(bytesSource('the style', file)).then(
    ({ metadata }) => isPairStyle(metadata),
    () => false,
  );
}

/** One line of the engine's as the panel shows it. */
function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}
