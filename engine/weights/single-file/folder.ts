/**
 * A checkpoint in one .safetensors file, as A1111 and ComfyUI use them, seen as the diffusers folder it would convert
 * into. Nothing is converted: every tensor is found where it lies, under its diffusers name.
 */
import { InputError } from '../../errors';
import { folderOf, weightSet, type ModelFolder, type WeightSet } from '../folder';
import { openSafetensors, type SafetensorsFile } from '../safetensors';
import { bytesSource, MissingFileError, type ByteSource } from '../source';
import { Part, type Renamed } from './renamed';
import { clipEncoder, openClipEncoder, type TextEncoder } from './text';
import { readLayout, unetConfig } from './unet';
import { vaeConfig, vaeWeights } from './vae';

const UNET = 'model.diffusion_model.';
const VAE = 'first_stage_model.';

/** A tensor that every such file has. */
export const SINGLE_FILE_KEY = `${UNET}input_blocks.0.0.weight`;

interface Contents {
  /** Files of the folder, by path. */
  readonly json: ReadonlyMap<string, unknown>;
  readonly weights: ReadonlyMap<string, Renamed>;
}

/**
 * Opens a single-file checkpoint of Stable Diffusion 1, 2 or XL.
 *
 * @param beside where the files lie that such a checkpoint lacks: tokenizer/, which no such file holds, and for Stable
 *   Diffusion 2 scheduler/. Configurations found there are believed before what the tensors' shapes tell.
 * @throws InputError when the file is of another kind.
 */
export async function singleFileFolder(
  source: ByteSource,
  beside: Pick<ModelFolder, 'name' | 'has' | 'open'>,
  signal?: AbortSignal,
): Promise<ModelFolder> {
  const { name } = source;
  const file = await openSafetensors(source, signal);
  const { json, weights } = readContents(file);
  const open = async (path: string, cancel?: AbortSignal): Promise<ByteSource> => {
    if (await beside.has(path, cancel)) return beside.open(path, cancel);
    const made = json.get(path);
    if (made !== undefined) return bytesSource(`${name}/${path}`, new TextEncoder().encode(JSON.stringify(made)));
    // SDXL's two encoders have one vocabulary.
    const shared = /^tokenizer_2\/(vocab\.json|merges\.txt|tokenizer\.json)$/.exec(path)?.[1];
    if (shared && (await beside.has(`tokenizer/${shared}`, cancel))) return beside.open(`tokenizer/${shared}`, cancel);
    throw new MissingFileError(`${name}: ${lacking(path, beside.name)}`);
  };
  return {
    ...folderOf(name, open),
    async weights(part): Promise<WeightSet> {
      const found = weights.get(part);
      if (!found) throw new InputError(`${name}: holds no ${part}; choose another file`);
      return weightSet(`${name}/${part}`, [file], found);
    },
  };
}

function lacking(path: string, beside: string): string {
  if (path.startsWith('tokenizer'))
    return `a single-file model holds no tokenizer; put the tokenizer folder (vocab.json and merges.txt) of any Stable Diffusion model into ${beside}`;
  if (path.startsWith('scheduler'))
    return `a Stable Diffusion 2 file does not say whether it predicts noise or v; put scheduler/scheduler_config.json of its model into ${beside}`;
  return `holds nothing that would be ${path} in a diffusers folder`;
}

function readContents(file: SafetensorsFile): Contents {
  const { name } = file.source;
  if (!file.tensors.has(SINGLE_FILE_KEY))
    throw new InputError(
      `${name}: is no Stable Diffusion checkpoint in one file; give such a file or a diffusers folder`,
    );
  const [unet, vae] = [new Part(file, UNET), new Part(file, VAE)];
  const texts = textEncoders(file);
  const isXl = texts.length === 2;
  const layout = readLayout(unet);
  const weights = new Map([
    ['unet', unet.renamed(layout.modules)],
    ['vae', vaeWeights(vae)],
  ]);
  const json = new Map<string, unknown>([
    ['model_index.json', { _class_name: isXl ? 'StableDiffusionXLPipeline' : 'StableDiffusionPipeline' }],
    ['unet/config.json', unetConfig(unet, layout, isXl)],
    ['vae/config.json', vaeConfig(vae, isXl)],
  ]);
  texts.forEach((text, i) => {
    const suffix = i === 0 ? '' : '_2';
    json.set(`text_encoder${suffix}/config.json`, text.config);
    json.set(`tokenizer${suffix}/tokenizer_config.json`, tokenizerConfig(text.positions, i === 0 && !isOpenClip(file)));
    weights.set(`text_encoder${suffix}`, text.weights);
  });
  const isSecond = !isXl && isOpenClip(file);
  if (!isSecond) json.set('scheduler/scheduler_config.json', isXl ? xlScheduler(file) : FIRST_SCHEDULER);
  return { json, weights };
}

const OPEN_CLIP = 'cond_stage_model.model.';

/** Whether the one text encoder is OpenCLIP's: Stable Diffusion 2. */
function isOpenClip(file: SafetensorsFile): boolean {
  return file.tensors.has(`${OPEN_CLIP}token_embedding.weight`);
}

function textEncoders(file: SafetensorsFile): TextEncoder[] {
  const [first, second] = ['conditioner.embedders.0.transformer.', 'conditioner.embedders.1.model.'];
  const parts = { first: new Part(file, first), second: new Part(file, second) };
  if (parts.first.tensors.size > 0 && parts.second.tensors.size > 0)
    return [clipEncoder(parts.first), openClipEncoder(parts.second, 'projected')];
  if (isOpenClip(file)) return [openClipEncoder(new Part(file, OPEN_CLIP), 'penultimate')];
  const clip = new Part(file, 'cond_stage_model.transformer.');
  if (clip.tensors.size > 0) return [clipEncoder(clip)];
  const reason = file.tensors.has('conditioner.embedders.0.model.token_embedding.weight')
    ? 'is an SDXL refiner; choose the base model'
    : 'holds no text encoder; choose a file with its text encoder in it';
  throw new InputError(`${file.source.name}: ${reason}`);
}

/** The second encoder of SDXL, and that of Stable Diffusion 2, pad with "!". */
function tokenizerConfig(positions: number, padsWithEnd: boolean): Record<string, unknown> {
  const end = '<|endoftext|>';
  return {
    tokenizer_class: 'CLIPTokenizer',
    model_max_length: positions,
    bos_token: '<|startoftext|>',
    eos_token: end,
    unk_token: end,
    pad_token: padsWithEnd ? end : '!',
  };
}

const BETAS = { beta_schedule: 'scaled_linear', beta_start: 0.00085, beta_end: 0.012, steps_offset: 1 };

/** As published with Stable Diffusion 1.5. */
const FIRST_SCHEDULER = { ...BETAS, _class_name: 'PNDMScheduler', set_alpha_to_one: false };

/** As published with SDXL. Files of v prediction say so by empty tensors, as ComfyUI reads them. */
function xlScheduler(file: SafetensorsFile): Record<string, unknown> {
  return {
    ...BETAS,
    _class_name: 'EulerDiscreteScheduler',
    timestep_spacing: 'leading',
    prediction_type: file.tensors.has('v_pred') ? 'v_prediction' : 'epsilon',
    rescale_betas_zero_snr: file.tensors.has('ztsnr'),
  };
}
