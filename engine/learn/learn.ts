/** Learning a style from one pair of images (Pair Customization, arXiv 2405.01536). */
import { CancelledError, InputError } from '../errors';
import { baseFault } from '../diffusion/finite';
import { isXl } from '../diffusion/model';
import { cutWarning, fitPrompt } from '../diffusion/prompts';
import { attentionTargets } from '../lora/target-modules';
import type { PromptTokenizer } from '../nets/tokenizer';
import type { Image } from '../image/image';
import type { Pipeline } from '../pipeline';
import type { Hooks, LearnRequest, LearnResult, LossPoint } from '../requests';
import { writeStyle } from '../restyle/style-file';
import type { Style } from '../restyle/styles';
import { calibrate } from './calibration';
import { identityOf, readCheckpoint, writeCheckpoint } from './checkpoint';
import { learnedStyle } from './learned-style';
import type { LearnPhase } from './phases';
import { preparePair } from './prepare';
import { learningRateAt, makeRecipe, type Recipe, type RecipeFor } from './recipe';
import { Trainer, type StepResult } from './trainer';

/** Applies the style learned so far at strength 1; the engine gives its own restyle. */
export type ApplyStyle = (style: Style, picture: Image) => Promise<Image>;

/**
 * Learns the style of a pair.
 *
 * @throws InputError for images or settings that do not serve, or when the loss stops being finite; CancelledError
 *   when the signal fires. In the last two cases the state so far has been handed to onProgress as a checkpoint.
 */
export async function learn(
  pipeline: Pipeline,
  request: LearnRequest,
  hooks: Hooks,
  apply: ApplyStyle,
): Promise<LearnResult> {
  const started = performance.now();
  const { model, runtime, programs, denoiser } = pipeline;
  const recipe = fittedRecipe(request, { paper: isXl(model), large: programs.lean }, model.texts[0].tokenizer, hooks);
  const targets = attentionTargets(denoiser.targets);
  const identity = identityOf(request, recipe, model);
  const prepared = await preparePair(pipeline, request, recipe, hooks);
  const trainer = new Trainer(model, runtime, programs, targets, recipe, prepared.data);
  try {
    const resumed =
      request.resume && (await readCheckpoint(request.resume, identity, targets, recipe.rank, recipe.steps));
    if (resumed) await trainer.restore(resumed.state);
    const losses: LossPoint[] = [...(resumed?.losses ?? [])];
    const done = resumed?.step ?? 0;
    const checkpoint = async (step: number): Promise<Uint8Array> =>
      writeCheckpoint({ step, state: await trainer.read(), losses }, identity);
    const report = (step: number, more: object): void =>
      hooks.onProgress?.({ phase: 'learn', step, steps: recipe.steps, ...more });
    const soFar = async () =>
      learnedStyle({ model, recipe, name: request.style, prepared, state: await trainer.read() }, targets);
    const cancelled = async (step: number): Promise<CancelledError> => {
      report(step, { checkpoint: await checkpoint(step) });
      return new CancelledError(`cancelled after ${step} of ${recipe.steps} steps`);
    };
    const checkpointIsDue = checkpointTimer(request, recipe);

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
      const at = step + 1;
      const loss = lossPoint(at, result);
      losses.push(loss);
      const saved = checkpointIsDue(at) ? { checkpoint: await checkpoint(at) } : {};
      const sampled =
        request.sampleImage && at < recipe.steps && isMultiple(at, request.sampleEvery)
          ? { sample: await apply(await soFar(), request.sampleImage) }
          : {};
      report(at, { loss, ...saved, ...sampled });
    }
    const learned = await soFar();
    const factor = !recipe.calibrated
      ? 1
      : await calibrate(prepared, (picture) => apply(learned, picture)).catch(async (error: unknown) => {
          throw error instanceof CancelledError ? await cancelled(recipe.steps) : error;
        });
    const style = writeStyle(learned.targets, { ...learned.info, scale: recipe.scale * factor }, request.file);
    return { style, losses, steps: recipe.steps, seconds: (performance.now() - started) / 1000 };
  } finally {
    trainer.dispose();
  }
}

/** The recipe, its prompt cut where it does not fit the text encoder together with the style's name. */
function fittedRecipe(
  request: LearnRequest,
  base: RecipeFor,
  tokenizer: PromptTokenizer,
  { onProgress }: Hooks,
): Recipe {
  const recipe = makeRecipe(request, base);
  const { prompt, cut } = fitPrompt(tokenizer, recipe.prompt, recipe.stylePrompt.slice(recipe.prompt.length));
  if (cut === '') return recipe;
  onProgress?.({ phase: 'load', step: 1, steps: 1, warning: cutWarning(tokenizer, cut) });
  return makeRecipe({ ...request, prompt }, base);
}

/** Whether a checkpoint is due at a step: every so many steps, and when the last one is so many seconds old. */
function checkpointTimer(request: LearnRequest, recipe: Recipe): (step: number) => boolean {
  const { checkpointEvery, checkpointSeconds = Infinity } = request;
  let last = performance.now();
  return (step) => {
    if (step >= recipe.steps) return false;
    const due = isMultiple(step, checkpointEvery) || performance.now() - last >= 1000 * checkpointSeconds;
    if (due) last = performance.now();
    return due;
  };
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
