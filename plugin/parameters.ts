/** What lies on a result's layer (pluginData): how it was made, and which image it was made from. */
import * as v from 'valibot';
import { InputError } from '../common/errors';
import { resultParameters, type ResultParameters } from '../common/messages';

/** The key of the parameters; a layer that has it is a result. */
export const RESULT_KEY = 'result';
const ORIGINAL_KEY = 'original';
/** Figma allows 100 kB for plugin id, key and value together; UTF-8 takes up to 3 bytes a character. */
const MAX_CHARACTERS = 30_000;

/** Null when the layer is no result, or one of a version of the plugin that is not known here. */
export function readParameters(node: PluginDataMixin): ResultParameters | null {
  const text = node.getPluginData(RESULT_KEY);
  if (!text) return null;
  try {
    return v.parse(resultParameters, JSON.parse(text));
  } catch {
    return null;
  }
}

/** JSON of the parameters; throws an InputError when they are longer than a layer can hold. */
export function encodeParameters(parameters: ResultParameters): string {
  const text = JSON.stringify(parameters);
  if (text.length > MAX_CHARACTERS) {
    throw new InputError(
      `The prompt is too long to be kept with the layer: use less than ${MAX_CHARACTERS} characters.`,
    );
  }
  return text;
}

export function writeParameters(node: PluginDataMixin, encoded: string): void {
  node.setPluginData(RESULT_KEY, encoded);
}

/** The hash of the image a result was made from; '' when there is none. */
export function readOriginalHash(node: PluginDataMixin): string {
  return node.getPluginData(ORIGINAL_KEY);
}

export function writeOriginalHash(node: PluginDataMixin, hash: string): void {
  node.setPluginData(ORIGINAL_KEY, hash);
}
