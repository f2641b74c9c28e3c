/** Which files of a diffusers folder the engine reads. */
import { InputError } from '../errors';
import { weightFileNames } from './folder';

export interface SizedFile {
  readonly path: string;
  readonly size: number;
}

const REQUIRED = [
  'model_index.json',
  'scheduler/scheduler_config.json',
  'unet/config.json',
  'vae/config.json',
  'text_encoder/config.json',
];
/** A tokenizer is either tokenizer.json or vocab.json with merges.txt. */
const TOKENIZER =
  /^tokenizer(?:_2)?\/(?:(?:tokenizer|vocab|tokenizer_config|special_tokens_map|added_tokens)\.json|merges\.txt)$/;
const NETS = ['unet', 'vae', 'text_encoder'] as const;
/** SDXL's second text encoder. */
const SECOND = 'text_encoder_2';

/**
 * The files to fetch of all that a folder holds: configurations, and of each net the weights that the engine would
 * open, half precision where there is a choice.
 *
 * @throws InputError when the folder is no diffusers model, or has weights in pickle files only.
 */
export function neededFiles<F extends SizedFile>(name: string, files: readonly F[]): F[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const missing = REQUIRED.find((path) => !byPath.has(path));
  if (missing) throw new InputError(`${name} has no ${missing}; choose a Stable Diffusion model in diffusers' format`);
  const second = `${SECOND}/config.json`;
  const nets = byPath.has(second) ? [...NETS, SECOND] : NETS;
  const small = files.filter(({ path }) => REQUIRED.includes(path) || path === second || TOKENIZER.test(path));
  return [...small, ...nets.flatMap((net) => weightsOf(name, net, files))];
}

function weightsOf<F extends SizedFile>(name: string, net: string, files: readonly F[]): F[] {
  const inside = files.filter(({ path }) => path.startsWith(`${net}/`));
  const named = (file: F): string => file.path.slice(net.length + 1);
  const first = weightFileNames(true).find((candidate) => inside.some((file) => named(file) === candidate));
  if (first === undefined) {
    throw new InputError(
      `${name} has no .safetensors weights in ${net}/; choose a model that has them (.bin and .ckpt are never loaded)`,
    );
  }
  if (!first.endsWith('.json')) return inside.filter((file) => named(file) === first);
  const [base] = first.split('.');
  const half = first.includes('fp16');
  const isShard = (file: string): boolean =>
    file.startsWith(base!) && /-of-\d+.*\.safetensors$/.test(file) && file.includes('fp16') === half;
  return inside.filter((file) => named(file) === first || isShard(named(file)));
}
