/** What the user chose for every document, in the user's own storage. */
import * as v from 'valibot';
import { settings, type Settings } from '../common/messages';
import { keep } from './quota';

const KEY = 'settings';
const DEFAULTS: Settings = { panel: 'embedded', model: 'embedded' };

export async function readSettings(): Promise<Settings> {
  const read = v.safeParse(settings, await figma.clientStorage.getAsync(KEY));
  return read.success ? read.output : DEFAULTS;
}

export function keepSettings(value: Settings): Promise<void> {
  return keep(KEY, value, 'Your choice', 'Remove a style you do not need.');
}
