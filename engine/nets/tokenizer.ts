/** Prompts to token ids, exactly as transformers' CLIPTokenizer does it (tokenization_clip.py, version 5). */
import { Tokenizer } from '@huggingface/tokenizers';
import { InputError } from '../errors';
import type { ModelFolder } from '../weights/folder';
import { isObject, ownValue, showJson, type JsonObject } from '../weights/json';
import { messageOf } from '../weights/source';

export interface PromptTokenizer {
  /** Ids of a text between its start and end tokens, cut or padded to `maxLength`. */
  encode(text: string): { ids: number[] };
  /** How many tokens a text is, without start and end. */
  count(text: string): number;
  readonly maxLength: number;
  readonly bosId: number;
  readonly eosId: number;
  readonly padId: number;
}

/** CLIP's context length, for tokenizer_config.json files that state none or transformers' "very large" placeholder. */
const CLIP_MAX_LENGTH = 77;
const LONGEST = 4096;
const LARGEST_ID = 1 << 20;
const CLIP_WORDS =
  "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

/** One entry of tokenizer.json's "added_tokens". */
interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Sought after normalization, so that capitals and odd spacing match too. */
  readonly normalized: boolean;
  readonly special: boolean;
}

/** A special token by role, before its id is known. */
interface SpecialToken {
  readonly content: string;
  readonly normalized: boolean;
}

/**
 * Loads the tokenizer in a subfolder: tokenizer.json when there, else vocab.json and merges.txt. Throws an InputError
 * naming the file when one is missing or malformed.
 */
export async function loadTokenizer(
  folder: ModelFolder,
  subfolder: string,
  signal?: AbortSignal,
): Promise<PromptTokenizer> {
  const name = `${folder.name}/${subfolder}`;
  const optional = async (file: string): Promise<JsonObject | undefined> => {
    const path = `${subfolder}/${file}`;
    if (!(await folder.has(path, signal))) return undefined;
    const value = await folder.json(path, signal);
    if (!isObject(value)) throw new InputError(`${folder.name}/${path}: must hold a JSON object; fetch the file again`);
    return value;
  };
  const config = (await optional('tokenizer_config.json')) ?? {};
  const specialMap = (await optional('special_tokens_map.json')) ?? {};
  const definition = (await optional('tokenizer.json')) ?? (await clipDefinition(folder, subfolder, signal));

  const vocab = readVocab(definition, name);
  const roles = specialTokens(config, specialMap);
  const added = addedTokens(definition, config, roles, vocab, name);
  const idOf = (token: SpecialToken): number => {
    const id = added.find((one) => one.content === token.content)?.id ?? vocab.get(token.content);
    if (id === undefined)
      throw new InputError(
        `${name}: its vocabulary lacks the special token ${showJson(token.content)}; fetch the files again`,
      );
    return id;
  };
  const [bosId, eosId, padId] = [idOf(roles.bos), idOf(roles.eos), idOf(roles.pad)];
  const maxLength = readMaxLength(config, name);

  // The library executes nothing, but trusts the definition's structure: a first encode finds what is wrong with it.
  let tokenizer: Tokenizer;
  try {
    tokenizer = new Tokenizer({ ...definition, added_tokens: added }, {});
    tokenizer.encode('a', { add_special_tokens: false });
  } catch (error) {
    throw new InputError(`${name}: its files define no usable tokenizer (${messageOf(error)}); fetch them again`);
  }

  // Tokenizers lower-case character by character; JavaScript alone would turn a word's last sigma into its final form.
  const tokens = (text: string): readonly number[] =>
    tokenizer.encode(text.replaceAll('\u03a3', '\u03c3'), { add_special_tokens: false }).ids;
  function encode(text: string): { ids: number[] } {
    const kept = [bosId, ...tokens(text).slice(0, maxLength - 2), eosId];
    while (kept.length < maxLength) kept.push(padId);
    return { ids: kept };
  }
  return { encode, count: (text) => tokens(text).length, maxLength, bosId, eosId, padId };
}

/** The tokenizer.json of CLIP over a folder's vocab.json and merges.txt: byte-level BPE whose words end in </w>. */
async function clipDefinition(
  folder: ModelFolder,
  subfolder: string,
  signal: AbortSignal | undefined,
): Promise<JsonObject> {
  for (const file of ['vocab.json', 'merges.txt']) {
    if (!(await folder.has(`${subfolder}/${file}`, signal))) {
      throw new InputError(
        `${folder.name}/${subfolder}: has neither tokenizer.json nor ${file}; expected tokenizer.json, or vocab.json with merges.txt`,
      );
    }
  }
  const vocab = await folder.json(`${subfolder}/vocab.json`, signal);
  const lines = (await folder.text(`${subfolder}/merges.txt`, signal)).split(/\r?\n/);
  const merges = lines.filter((line) => line !== '' && !line.startsWith('#version')).map((line) => line.split(' '));
  if (merges.some((pair) => pair.length !== 2)) {
    throw new InputError(
      `${folder.name}/${subfolder}/merges.txt: every line must be two tokens with a space between; fetch the file again`,
    );
  }
  return {
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFC' },
        { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
        { type: 'Lowercase' },
      ],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: CLIP_WORDS }, behavior: 'Removed', invert: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: null,
    decoder: null,
    added_tokens: [],
    model: { type: 'BPE', unk_token: '<|endoftext|>', end_of_word_suffix: '</w>', vocab, merges },
  };
}

/** The BPE vocabulary of a definition, checked: token to id. */
function readVocab(definition: JsonObject, name: string): ReadonlyMap<string, number> {
  const model = ownValue(definition, 'model');
  const vocab = isObject(model) ? ownValue(model, 'vocab') : undefined;
  if (
    !isObject(model) ||
    ownValue(model, 'type') !== 'BPE' ||
    !isObject(vocab) ||
    !Array.isArray(ownValue(model, 'merges'))
  ) {
    throw new InputError(
      `${name}: is not a CLIP tokenizer (byte-level BPE with vocab and merges); choose a Stable Diffusion model`,
    );
  }
  const entries = Object.entries(vocab);
  for (const [token, id] of entries) {
    if (!isId(id))
      throw new InputError(`${name}: token ${showJson(token)} has id ${showJson(id)}; fetch the vocabulary again`);
  }
  return new Map(entries as [string, number][]);
}

/**
 * The special tokens by role. As in transformers, special_tokens_map.json wins over tokenizer_config.json unless the
 * latter lists "added_tokens_decoder". Stable Diffusion 1 pads with the end token, 2 and the second of XL with "!".
 */
function specialTokens(config: JsonObject, map: JsonObject): Record<'bos' | 'eos' | 'unk' | 'pad', SpecialToken> {
  const sources = isObject(ownValue(config, 'added_tokens_decoder')) ? [config] : [map, config];
  const role = (key: string, fallback: string): SpecialToken => {
    for (const source of sources) {
      const value = ownValue(source, key);
      if (typeof value === 'string') return { content: value, normalized: false };
      if (!isObject(value)) continue;
      const content = ownValue(value, 'content');
      if (typeof content === 'string') return { content, normalized: ownValue(value, 'normalized') === true };
    }
    return { content: fallback, normalized: false };
  };
  return {
    bos: role('bos_token', '<|startoftext|>'),
    eos: role('eos_token', '<|endoftext|>'),
    unk: role('unk_token', '<|endoftext|>'),
    pad: role('pad_token', '<|endoftext|>'),
  };
}

/** Tokens matched whole in the text: those the files list, and every special token that they do not. */
function addedTokens(
  definition: JsonObject,
  config: JsonObject,
  roles: Readonly<Record<string, SpecialToken>>,
  vocab: ReadonlyMap<string, number>,
  name: string,
): AddedToken[] {
  const decoder = ownValue(config, 'added_tokens_decoder');
  const listed = ownValue(definition, 'added_tokens') ?? [];
  const records: unknown[] = isObject(decoder)
    ? Object.entries(decoder).map(([id, token]) => (isObject(token) ? { ...token, id: Number(id) } : token))
    : Array.isArray(listed)
      ? listed
      : [listed];
  const tokens = records.map((record): AddedToken => {
    const id = isObject(record) ? ownValue(record, 'id') : undefined;
    const content = isObject(record) ? ownValue(record, 'content') : undefined;
    if (!isObject(record) || !isId(id) || typeof content !== 'string' || content === '') {
      throw new InputError(`${name}: ${showJson(record)} is not an added token; fetch the tokenizer's files again`);
    }
    const flag = (key: string): boolean => ownValue(record, key) === true;
    return {
      id,
      content,
      single_word: flag('single_word'),
      lstrip: flag('lstrip'),
      rstrip: flag('rstrip'),
      normalized: flag('normalized'),
      special: flag('special'),
    };
  });
  for (const { content, normalized } of Object.values(roles)) {
    const id = vocab.get(content);
    if (id === undefined || tokens.some((token) => token.content === content)) continue;
    tokens.push({ id, content, single_word: false, lstrip: false, rstrip: false, normalized, special: true });
  }
  return tokens;
}

function readMaxLength(config: JsonObject, name: string): number {
  const value = ownValue(config, 'model_max_length') ?? CLIP_MAX_LENGTH;
  if (typeof value !== 'number' || value < 3) {
    throw new InputError(
      `${name}/tokenizer_config.json: "model_max_length" is ${showJson(value)}; it must be a number of tokens, such as 77`,
    );
  }
  return value > LONGEST ? CLIP_MAX_LENGTH : Math.floor(value);
}

function isId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < LARGEST_ID;
}
