/** The user's own styles, one key each: two windows that keep different styles never write the same value. */
import * as v from 'valibot';
import { bytes, styleEntry, type StyleEntry } from '../common/messages';
import { withPrompt } from './earlier-versions';
import { keep, type Stored } from './quota';

const PREFIX = 'style:';
const HOW_TO_FIX = 'Remove a style you do not need, keep this one in the document, or export it as a file.';

const storedStyle = v.object({ entry: styleEntry, file: bytes });

export interface StyleFile {
  readonly entry: StyleEntry;
  readonly file: Uint8Array;
}

/** The styles among what is kept; what is no style of this version is passed over. */
export function stylesIn(stored: readonly Stored[]): StyleEntry[] {
  return stored.flatMap(({ key, value }) =>
    key.startsWith(PREFIX) ? (read(key.slice(PREFIX.length), value)?.entry ?? []) : [],
  );
}

/** Null when it is not in the library. */
export async function readFromLibrary(id: string): Promise<StyleFile | null> {
  return read(id, await figma.clientStorage.getAsync(PREFIX + id));
}

/** Throws a QuotaError when it does not fit. */
export function keepInLibrary({ entry, file }: StyleFile): Promise<void> {
  return keep(PREFIX + entry.id, { entry, file }, `“${entry.name}”`, HOW_TO_FIX);
}

export function removeFromLibrary(id: string): Promise<void> {
  return figma.clientStorage.deleteAsync(PREFIX + id);
}

/** Null when it is no style, or one of another id than it is kept under. */
function read(id: string, value: unknown): StyleFile | null {
  const { entry, ...rest } = Object(value) as { entry?: unknown };
  const read = v.safeParse(storedStyle, { ...rest, entry: withPrompt(entry) });
  return read.success && read.output.entry.id === id ? read.output : null;
}
