/** Learning a style from one pair of images (Pair Customization, arXiv 2405.01536). */
import { CancelledError, InputError, throwIfCancelled } from '../errors';
import { digest, isXl } from '../diffusion/model';
import { upShape, unpackMatrices } from '../lora/packing';
import { attentionSites } from '../lora/sites';
import { writeAdapter, type AdapterSite } from '../lora/adapter-file';
import type { StyleInfo } from '../lora/style-info';
import { Random, streamSeed } from '../tensor/random';
import type { HostTensor } from '../tensor/tensor';
import { baseFault, readFinite } from '../diffusion/finite';
import { cutWarning, fitPrompt } from '../diffusion/prompts';
import type { PromptTokenizer } from '../nets/tokenizer';
import {
  chooseBackground,
  drawOnCanvas,
  fitCanvas,
  liftFromCanvas,
  requireImageSize,
  tensorToImage,
  type Canvas,
  type DrawnPair,
} from '../image/canvas';
import { applyShift, checkPair } from './pair-check';
import { copiesOf, hueHabit } from './augmentation';
import { FIT_RULES, fitStrength } from './calibration';
import { groundReach } from '../image/background';
import { readCheckpoint, writeCheckpoint } from './checkpoint';
import type { Image } from '../image/image';
import { downProjections, learningRateAt, makeRecipe, type LearnPhase, type Recipe } from './recipe';
import { repaintDrawn, repaintImage, type Repainting } from '../filter/filter';
import { learnRepainting } from '../filter/fit';
import type { Hooks, LearnRequest, LearnResult, LossPoint } from '../requests';
import { Trainer, type StepResult, type TrainingData } from './trainer';
import { learningSize, type Workshop } from '../pipeline';

/** Makes a sample of the style learned so far; the engine gives its own restyle. */
export type Sampler = (style: Uint8Array, picture: Image) => Promise<Image>;

/**
 * Learns the style of a pair.
 *
 * @throws InputError for images or settings that do not serve, or when the loss stops being finite; CancelledError
 *   when the signal fires. In the last two cases the state so far has been handed to onProgress as a checkpoint.
 */
export async function learn(
  workshop: Workshop,
  request: LearnRequest,
  hooks: Hooks,
  sampler: Sampler,
): Promise<LearnResult> {
  const started = performance.now();
  const { model, runtime, programs, denoiser } = workshop;
  const recipe = fittedRecipe(request, { paper: isXl(model), large: programs.lean }, model.texts[0].tokenizer, hooks);
  const sites = attentionSites(denoiser.sites);
  const identity = identify(request, recipe, model.fingerprint);
  const { data, pair, found } = await encode(workshop, request, recipe, hooks);
  const trainer = new Trainer(model, runtime, programs, sites, recipe, data);
  try {
    const resumed =
      request.resume && (await readCheckpoint(request.resume, identity, sites, recipe.rank, recipe.steps));
    if (resumed) await trainer.restore(resumed.state);
    const losses: LossPoint[] = [...(resumed?.losses ?? [])];
    const done = resumed?.step ?? 0;
    const checkpoint = async (step: number): Promise<Uint8Array> =>
      writeCheckpoint({ step, state: await trainer.read(), losses }, identity);
    const report = (step: number, more: object): void =>
      hooks.onProgress?.({ phase: 'learn', step, steps: recipe.steps, ...more });
    const file = (scale: number): Promise<Uint8Array> =>
      styleFile(workshop, trainer, recipe, request, { scale, ...found });
    const cancelled = async (step: number): Promise<CancelledError> => {
      report(step, { checkpoint: await checkpoint(step) });
      return new CancelledError(`cancelled after ${step} of ${recipe.steps} steps`);
    };
    const whenCancelled = async (error: unknown): Promise<never> => {
      throw error instanceof CancelledError ? await cancelled(recipe.steps) : error;
    };
    let checkpointed = performance.now();
    const checkpointDue = (at: number): boolean => {
      const { checkpointEvery, checkpointSeconds = Infinity } = request;
      if (at >= recipe.steps) return false;
      return isMultiple(at, checkpointEvery) || performance.now() - checkpointed >= 1000 * checkpointSeconds;
    };

    for (const { step, n, phase } of schedule(recipe)) {
      if (step < done) continue;
      if (hooks.signal?.aborted) throw await cancelled(step);
      const result = await trainer.step(phase, n, trainer.draw(step, phase), learningRateAt(recipe, step));
      // Adapters begin at zero: what the first step gives is the base model's own.
      if (!result.sound && step === 0) throw baseFault(model, 'UNet');
      if (!result.sound) {
        report(step, { checkpoint: await checkpoint(step) });
        throw new InputError(
          `learning diverged at step ${step + 1} of ${recipe.steps} (the loss is not finite); lower the learning rate, now ${recipe.learningRate}`,
        );
      }
      const loss = lossPoint(step + 1, result);
      losses.push(loss);
      const at = step + 1;
      const saved = checkpointDue(at) ? { checkpoint: await checkpoint(at) } : {};
      if ('checkpoint' in saved) checkpointed = performance.now();
      report(at, {
        loss,
        ...saved,
        ...(request.sampleImage &&
          at < recipe.steps &&
          isMultiple(at, request.sampleEvery) && {
            sample: await sampler(await file(recipe.scale), request.sampleImage),
          }),
      });
    }
    const learned = await file(recipe.scale);
    const factor = recipe.fits ? await fit(pair, found.repainting, learned, sampler).catch(whenCancelled) : 1;
    const style = factor === 1 ? learned : await file(recipe.scale * factor);
    return { style, losses, steps: recipe.steps, seconds: (performance.now() - started) / 1000 };
  } finally {
    trainer.dispose();
  }
}

/** The recipe, its prompt cut where it does not fit the text encoder together with the style's name. */
function fittedRecipe(
  request: LearnRequest,
  base: Parameters<typeof makeRecipe>[1],
  tokenizer: PromptTokenizer,
  { onProgress }: Hooks,
): Recipe {
  const recipe = makeRecipe(request, base);
  const { prompt, cut } = fitPrompt(tokenizer, recipe.prompt, recipe.stylePrompt.slice(recipe.prompt.length));
  if (cut === '') return recipe;
  onProgress?.({ phase: 'load', step: 1, steps: 1, warning: cutWarning(tokenizer, cut) });
  return makeRecipe({ ...request, prompt }, base);
}

function isMultiple(step: number, every: number | undefined): boolean {
  return !!every && step % every === 0;
}

/** Every step of a recipe with its number overall and within its phase. */
function* schedule(recipe: Recipe): Generator<{ step: number; n: number; phase: LearnPhase }> {
  let step = 0;
  for (const phase of recipe.phases) for (let n = 0; n < phase.steps; n++) yield { step: step++, n, phase };
}

function lossPoint(step: number, { rows, losses }: StepResult): LossPoint {
  const of = (name: 'content' | 'style'): number | null => {
    const row = rows.findIndex(({ loss }) => loss === name);
    return row < 0 ? null : losses[row]!;
  };
  return { step, content: of('content'), style: of('style') };
}

/** What the pictures of a pair say of its style before a step is learned. */
interface Found {
  /** What the style makes of pixels by themselves (filter/filter.ts); null for one that leaves all to the net. */
  readonly repainting: Repainting | null;
  /** How far into the ground it reaches (image/background.ts). */
  readonly reach: number | null;
}

/**
 * Both images and their copies on canvases of the net's native size, the before images repainted where the style does
 * that, as latents; both prompts as embeddings; the pair on its canvas, before as it came; and what was found.
 */
async function encode(
  workshop: Workshop,
  request: LearnRequest,
  recipe: Recipe,
  { signal, onProgress }: Hooks,
): Promise<{ data: TrainingData; pair: DrawnPair; found: Found }> {
  const { autoencoder, text } = workshop;
  const { pair, canvas } = drawPair(workshop, request);
  const habit = hueHabit(pair);
  const copies = copiesOf(pair, habit, recipe.copies, new Random(streamSeed(recipe.seed, COPIES_STREAM)));
  const repainting = recipe.repaints ? learnRepainting(copies, habit === 'ignores') : null;
  const begin = ({ before }: DrawnPair): HostTensor<'f32'> => (repainting ? repaintDrawn(repainting, before) : before);
  const reach = groundReach(liftFromCanvas(begin(pair), canvas), liftFromCanvas(pair.after, canvas));
  const latentsOf = async (picture: HostTensor<'f32'>): Promise<HostTensor<'f32'>> => {
    throwIfCancelled(signal);
    return readFinite(await autoencoder.encode(picture), () => baseFault(workshop.model, 'VAE'));
  };
  const steps = recipe.copies + 1;
  const progress = (step: number): void => onProgress?.({ phase: 'encode', step, steps });
  progress(0);
  const encoded: TrainingData['copies'][number][] = [];
  for (const copy of copies) {
    encoded.push({ before: await latentsOf(begin(copy)), after: await latentsOf(copy.after) });
    progress(encoded.length);
  }
  const contexts = { base: await text.embed([recipe.prompt]), style: await text.embed([recipe.stylePrompt]) };
  progress(steps);
  return { data: { copies: encoded, contexts }, pair, found: { repainting, reach } };
}

/** Both images on one canvas, checked to be a pair. */
function drawPair({ model }: Workshop, request: LearnRequest): { pair: DrawnPair; canvas: Canvas } {
  requireImageSize(request.before.width, request.before.height, 'the before image');
  requireImageSize(request.after.width, request.after.height, 'the after image');
  const verdict = checkPair(request.before, request.after);
  if (!verdict.usable && !request.force) throw new InputError(verdict.verdict);
  const after = applyShift(request.after, verdict.shift, request.before.width);
  const background = chooseBackground([request.before, after]);
  const size = learningSize(model, request.size);
  const canvasOf = ({ width, height }: Image): Canvas => fitCanvas(width, height, size, model.sizeMultiple);
  const drawn = (picture: Image): HostTensor<'f32'> => drawOnCanvas(picture, canvasOf(picture), background);
  const pair = { before: drawn(request.before), after: drawn(after) };
  if (pair.before.shape.join() !== pair.after.shape.join()) {
    throw new InputError('the two images differ in shape; crop them to the same width and height');
  }
  return { pair, canvas: canvasOf(request.before) };
}

/** By how much a learned style's strength is to be multiplied: fit.ts, on the pair as it was learned, opaque on its canvas. */
async function fit(
  pair: DrawnPair,
  repainting: Repainting | null,
  style: Uint8Array,
  sampler: Sampler,
): Promise<number> {
  const before = tensorToImage(pair.before);
  const begin = repainting ? repaintImage(before, [{ repainting, weight: 1 }], chooseBackground([before])) : before;
  const rule = repainting ? FIT_RULES.rest : FIT_RULES.net;
  return fitStrength(begin, await sampler(style, before), tensorToImage(pair.after), rule);
}

/** Names the copies' stream of random numbers; those of the steps are named by their numbers. */
const COPIES_STREAM = 0xc0915;

/** kohya's names of the Stable Diffusion families, by the width of their text embeddings. */
const KOHYA_VERSIONS: ReadonlyMap<number, string> = new Map([
  [768, 'sd_v1'],
  [1024, 'sd_v2'],
]);
/** kohya's name of SDXL and its distilled variants. */
const XL_VERSION = 'sdxl_base_v1-0';
/** Ours for nets of that design with other widths, such as the embedded model. */
const OTHER_VERSION = 'sd_small';

/** A model's name as it may go out into the world: of a folder, only the last part of its path. */
function publicName(name: string): string {
  if (name.startsWith('hub:')) return name;
  return name.split(/[\\/]/).findLast((part) => part !== '') ?? name;
}

/** The style adapter as a file; the content adapter has done its work. */
async function styleFile(
  { model, denoiser }: Workshop,
  trainer: Trainer,
  recipe: Recipe,
  request: LearnRequest,
  { scale, repainting, reach }: Found & { readonly scale: number },
): Promise<Uint8Array> {
  const { rank } = recipe;
  const attention = attentionSites(denoiser.sites);
  const state = (await trainer.read()).style;
  const packed = state ? state.tensors[0].data : undefined;
  const ups = packed && unpackMatrices(attention, upShape(rank), packed);
  const down = downProjections(recipe, attention);
  const sites = new Map(
    attention.map((site): [string, AdapterSite] => {
      const { name, inFeatures, outFeatures } = site;
      const b = ups?.get(name) ?? new Float32Array(outFeatures * rank);
      return [name, { rank, alpha: rank, a: down('style', site), b, inFeatures, outFeatures }];
    }),
  );
  const info: StyleInfo = {
    style: request.style.trim(),
    prompt: recipe.prompt,
    stylePrompt: recipe.stylePrompt,
    mode: recipe.mode,
    scale,
    repainting,
    groundReach: reach,
    modelFingerprint: model.fingerprint,
    baseModel: publicName(model.name),
    baseModelVersion: isXl(model)
      ? XL_VERSION
      : (KOHYA_VERSIONS.get(model.unet.config.crossAttentionDim) ?? OTHER_VERSION),
    seed: recipe.seed,
    steps: recipe.steps,
    learningRate: recipe.learningRate,
  };
  return writeAdapter(sites, info, request.file);
}

/** One string for everything that decides the result of a run. */
function identify(request: LearnRequest, recipe: Recipe, fingerprint: string): string {
  const images = [request.before, request.after].map(
    ({ width, height, data }) =>
      `${width}x${height}:${digest([new Uint8Array(data.buffer, data.byteOffset, data.byteLength)])}`,
  );
  const { phases, ...settings } = recipe;
  return JSON.stringify({
    ...settings,
    style: request.style,
    size: request.size,
    phases: phases.map(({ steps, rows }) => ({ steps, rows: rows(0) })),
    images,
    fingerprint,
  });
}
