/** What a run learns from: the pair on the net's canvas, analysed once, filtered and augmented, as latents and embeddings. */
import { InputError, throwIfCancelled } from '../errors';
import { baseFault, readFinite } from '../diffusion/finite';
import { filterToTensor, type PixelFilter } from '../filter/filter';
import { fitFilter } from '../filter/fit';
import { backgroundExtent } from '../image/background';
import { chooseMatte, drawOnCanvas, fitCanvas, liftFromCanvas, requireImageSize, type Canvas } from '../image/canvas';
import type { Image } from '../image/image';
import { analysePair, type DrawnPair } from '../image/pair';
import { learningSize, type Pipeline } from '../pipeline';
import type { Hooks, LearnRequest } from '../requests';
import { Random, streamSeed } from '../tensor/random';
import type { HostTensor } from '../tensor/tensor';
import { augment, hueResponse } from './augmentation';
import { applyShift, checkPair } from './pair-check';
import type { Recipe } from './recipe';
import type { TrainingData } from './trainer';

export interface PreparedPair {
  readonly data: TrainingData;
  /** The pair on its canvas, the before image not filtered. */
  readonly drawn: DrawnPair;
  /** What the style makes of pixels by themselves; null for one that leaves all to the net. */
  readonly filter: PixelFilter | null;
  /** How far into the background the style extends, as a share of the long side; null when that is not known. */
  readonly backgroundExtent: number | null;
}

/** Throws an InputError for images that make no pair. */
export async function preparePair(
  pipeline: Pipeline,
  request: LearnRequest,
  recipe: Recipe,
  { signal, onProgress }: Hooks,
): Promise<PreparedPair> {
  const { autoencoder, text } = pipeline;
  const { drawn, canvas } = drawPair(pipeline, request);
  const response = hueResponse(drawn);
  const random = new Random(streamSeed(recipe.seed, AUGMENTATION_STREAM));
  const pairs = augment(drawn, response, recipe.augmentations, random).map((pair) => ({
    after: pair.after,
    ...filterable(pair),
  }));
  const filter = recipe.filter
    ? fitFilter(
        pairs.map(({ analysed }) => analysed()),
        response === 'ignores',
      )
    : null;
  const [first] = pairs;
  const extent = backgroundExtent(liftFromCanvas(first!.begin(filter), canvas), liftFromCanvas(first!.after, canvas));
  const latentsOf = async (picture: HostTensor<'f32'>): Promise<HostTensor<'f32'>> => {
    throwIfCancelled(signal);
    return readFinite(await autoencoder.encode(picture), () => baseFault(pipeline.model, 'VAE'));
  };
  const steps = recipe.augmentations + 1;
  const progress = (step: number): void => onProgress?.({ phase: 'encode', step, steps });
  progress(0);
  const encoded: TrainingData['pairs'][number][] = [];
  for (const { begin, after } of pairs) {
    encoded.push({ before: await latentsOf(begin(filter)), after: await latentsOf(after) });
    progress(encoded.length);
  }
  const contexts = { base: await text.embed([recipe.prompt]), style: await text.embed([recipe.stylePrompt]) };
  progress(steps);
  return { data: { pairs: encoded, contexts }, drawn, filter, backgroundExtent: extent };
}

/** Names the augmentation's stream of random numbers; those of the steps are named by their numbers. */
const AUGMENTATION_STREAM = 0xc0915;

/** A pair whose before image can be filtered: analysed at most once, and not at all where no filter is fitted. */
function filterable(pair: DrawnPair) {
  let found: ReturnType<typeof analysePair> | undefined;
  const analysed = () => (found ??= analysePair(pair));
  const begin = (filter: PixelFilter | null): HostTensor<'f32'> =>
    filter ? filterToTensor(filter, { picture: analysed().before, distances: analysed().distances }) : pair.before;
  return { analysed, begin };
}

/** Both images on one canvas, checked to be a pair. */
function drawPair({ model }: Pipeline, request: LearnRequest): { drawn: DrawnPair; canvas: Canvas } {
  requireImageSize(request.before.width, request.before.height, 'the before image');
  requireImageSize(request.after.width, request.after.height, 'the after image');
  const verdict = checkPair(request.before, request.after);
  if (!verdict.usable && !request.force) throw new InputError(verdict.verdict);
  const after = applyShift(request.after, verdict.shift, request.before.width);
  const matte = chooseMatte([request.before, after]);
  const size = learningSize(model, request.size);
  const canvasOf = ({ width, height }: Image): Canvas => fitCanvas(width, height, size, model.sizeMultiple);
  const draw = (picture: Image): HostTensor<'f32'> => drawOnCanvas(picture, canvasOf(picture), matte);
  const drawn = { before: draw(request.before), after: draw(after) };
  if (drawn.before.shape.join() !== drawn.after.shape.join()) {
    throw new InputError('the two images differ in shape; crop them to the same width and height');
  }
  return { drawn, canvas: canvasOf(request.before) };
}
