/** The names adapters go by: diffusers/PEFT, older diffusers and kohya keys, all brought to diffusers module paths. */

/** What a tensor of an adapter file is to its module. */
export type AdapterPart = 'down' | 'up' | 'alpha' | 'mid' | 'magnitude' | 'other';

export interface AdapterKey {
  /** Diffusers path inside the UNet where `isUnet`, e.g. "mid_block.attentions.0.proj_in"; else the file's own name. */
  readonly module: string;
  readonly part: AdapterPart;
  readonly isUnet: boolean;
}

/** lora_A/lora_B is PEFT's name, lora_down/lora_up kohya's, lora.down/lora.up and to_q_lora.down are diffusers' older ones. */
const PARTS: readonly (readonly [RegExp, AdapterPart])[] = [
  [/\.lora_A(?:\.[\w-]+)?\.weight$/, 'down'],
  [/\.lora_B(?:\.[\w-]+)?\.weight$/, 'up'],
  [/[._]lora(?:_linear_layer)?[._]down\.weight$/, 'down'],
  [/[._]lora(?:_linear_layer)?[._]up\.weight$/, 'up'],
  [/\.alpha$/, 'alpha'],
  [/\.lora_mid\.weight$/, 'mid'],
  [/\.(?:dora_scale|lora_magnitude_vector(?:\.[\w-]+)?(?:\.weight)?)$/, 'magnitude'],
  [
    /\.(?:hada_\w+|lokr_\w+|oft_\w+|diff|diff_b|w_norm|b_norm|set_weight|on_input|[ab][12]\.weight|lora_[AB](?:\.[\w-]+)?\.bias|bias)$/,
    'other',
  ],
];

/** What keys that are not plain LoRA belong to. */
const FOREIGN: readonly (readonly [RegExp, string])[] = [
  [/\.hada_/, 'LoHa'],
  [/\.lokr_/, 'LoKr'],
  [/\.oft_|\.boft_|\.oft_blocks$/, 'OFT'],
  [/\.[ab][12]\.weight$/, 'GLoRA'],
  [/\.on_input$|\.ia3_/, 'IA3'],
  [/\.(?:diff|diff_b|w_norm|b_norm|set_weight)$/, 'a whole difference of weights'],
  [/\.bias$/, 'a bias'],
];

/** The kind of adapter that a key belongs to which parseAdapterKey calls "other", as errors name it. */
export function foreignKind(key: string): string {
  return FOREIGN.find(([pattern]) => pattern.test(key))?.[1] ?? 'not plain LoRA';
}

/** Whether a key is an adapter's, of whatever kind, and not a plain weight's. */
export function isAdapterKey(key: string): boolean {
  const part = PARTS.find(([pattern]) => pattern.test(key))?.[1];
  return part === 'other'
    ? !key.endsWith('.bias') || /\.lora_[AB]\./.test(key)
    : part !== undefined && part !== 'alpha';
}

const TEXT_ENCODER = /^(?:lora_te\d?[_.]|text_encoder(?:_\d)?\.)/;
/** Prefixes of a UNet's modules; PEFT wraps them in base_model.model, OneTrainer writes lora_unet with dots. */
const UNET_PREFIX = /^(?:(?:base_model\.model\.)|(?:unet\.)|(?:diffusion_model\.)|(?:lora_unet\.))+/;
/** Prefixes under which kohya's trainers write module paths with every dot turned into an underscore. */
const FLAT_PREFIX = /^(?:lora_unet_|lycoris_)/;

/** Names in a UNet's module paths that hold underscores of their own. */
const NAMES_WITH_UNDERSCORES = new Set(
  [
    ['down_blocks', 'up_blocks', 'mid_block', 'input_blocks', 'output_blocks', 'middle_block', 'transformer_blocks'],
    ['to_q', 'to_k', 'to_v', 'to_out', 'proj_in', 'proj_out', 'conv_in', 'conv_out', 'conv_shortcut'],
    ['time_embedding', 'add_embedding', 'linear_1', 'linear_2', 'time_emb_proj', 'time_embed', 'label_emb'],
    ['in_layers', 'out_layers', 'emb_layers', 'skip_connection'],
  ].flat(),
);

/** The projections of a UNet's transformers, the only modules the engine adapts. */
const TARGET = new RegExp(
  '^(?:down_blocks\\.\\d{1,3}|up_blocks\\.\\d{1,3}|mid_block)\\.attentions\\.\\d{1,3}\\.' +
    '(?:proj_in|proj_out|transformer_blocks\\.\\d{1,3}\\.(?:attn[12]\\.to_(?:q|k|v|out\\.0)|ff\\.net\\.(?:0\\.proj|2)))$',
);

/** Whether a module path is a transformer projection inside a diffusers UNet. */
export function isTransformerProjection(module: string): boolean {
  return TARGET.test(module);
}

/**
 * Reads one key of an adapter file.
 * @param layersPerBlock of the UNet, 2 for every Stable Diffusion; needed for the original (ldm) block numbers that
 * kohya's SDXL files use.
 */
export function parseAdapterKey(key: string, layersPerBlock: number): AdapterKey {
  const [suffix, part] = PARTS.find(([pattern]) => pattern.test(key)) ?? [undefined, 'other' as const];
  // An underscore before "lora" is part of the old processor names (to_q_lora), so it goes with the suffix.
  const owner = suffix ? key.replace(suffix, '') : key;
  if (TEXT_ENCODER.test(owner)) return { module: owner, part, isUnet: false };

  const flat = owner.replace(FLAT_PREFIX, '');
  const path = flat !== owner ? splitFlatName(flat) : owner.replace(UNET_PREFIX, '');
  const plain = path.replace('.processor.', '.').replace(/\.to_out$/, '.to_out.0');
  return { module: fromOriginalName(plain, layersPerBlock), part, isUnet: true };
}

/** "down_blocks_0_attentions_1_proj_in" to "down_blocks.0.attentions.1.proj_in", taking the longest known name each time. */
function splitFlatName(flat: string): string {
  const words = flat.split('_');
  const path: string[] = [];
  for (let i = 0; i < words.length;) {
    const length = [3, 2].find((n) => NAMES_WITH_UNDERSCORES.has(words.slice(i, i + n).join('_'))) ?? 1;
    path.push(words.slice(i, i + length).join('_'));
    i += length;
  }
  return path.join('.');
}

/**
 * The diffusers path of an original Stable Diffusion (ldm/sgm) one. There, input block 0 is conv_in and every further
 * input or output block is one layer of a diffusers block: sub-block 0 its resnet, sub-block 1 its attention.
 */
function fromOriginalName(path: string, layersPerBlock: number): string {
  const match = /^(?:(input|output)_blocks\.(\d{1,3})|middle_block)\.(\d)\.(.+)$/.exec(path);
  if (!match) return path;
  const [, side, number = '0', inner, rest = ''] = match;
  if (side === undefined) return inner === '1' ? `mid_block.attentions.0.${rest}` : path;
  const index = side === 'input' ? Number(number) - 1 : Number(number);
  if (index < 0 || inner !== '1') return path;
  const perBlock = layersPerBlock + 1;
  const block = `${side === 'input' ? 'down' : 'up'}_blocks.${Math.floor(index / perBlock)}`;
  return `${block}.attentions.${index % perBlock}.${rest}`;
}

/** The original path of a diffusers one, as kohya's files for SDXL name it: fromOriginalName backwards. */
export function toOriginalName(path: string, layersPerBlock: number): string {
  const match = /^(?:(down|up)_blocks\.(\d{1,3})|mid_block)\.attentions\.(\d{1,3})\.(.+)$/.exec(path);
  if (!match) return path;
  const [, side, block, layer, rest = ''] = match;
  if (side === undefined) return `middle_block.1.${rest}`;
  const index = Number(block) * (layersPerBlock + 1) + Number(layer);
  return side === 'down' ? `input_blocks.${index + 1}.1.${rest}` : `output_blocks.${index}.1.${rest}`;
}
