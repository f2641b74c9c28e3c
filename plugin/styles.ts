/** Styles of both places together: the user's library and the document. */
import { keepInDocument, readFromDocument, removeFromDocument, stylesInDocument } from './document-styles';
import { InputError } from '../common/errors';
import { keepInLibrary, readFromLibrary, removeFromLibrary, stylesIn } from './library';
import type { ListedStyle, Params, Result } from '../common/messages';
import { readAll, storageOf } from './quota';

/** Newest first. A style that is in both places is listed once, as the library has it. */
export async function listStyles(): Promise<Result<'listStyles'>> {
  const stored = await readAll();
  const listed = new Map<string, ListedStyle>();
  for (const entry of stylesInDocument()) listed.set(entry.id, { ...entry, inLibrary: false, inDocument: true });
  for (const entry of stylesIn(stored)) {
    listed.set(entry.id, { ...entry, inLibrary: true, inDocument: listed.has(entry.id) });
  }
  const styles = [...listed.values()].sort((a, b) =>
    a.createdAt < b.createdAt ? 1 : a.createdAt > b.createdAt ? -1 : 0,
  );
  return { styles, storage: storageOf(stored) };
}

export async function readStyle({ id }: Params<'readStyle'>): Promise<Result<'readStyle'>> {
  const style = (await readFromLibrary(id)) ?? readFromDocument(id);
  if (!style)
    throw new InputError('This style is neither in your library nor in this document. Ask who made it to share it.');
  return { file: style.file };
}

export async function putStyle({ entry, file, place }: Params<'putStyle'>): Promise<Result<'putStyle'>> {
  const style = { entry: { ...entry, bytes: file.length }, file };
  if (place === 'library') await keepInLibrary(style);
  else {
    keepInDocument(style);
    figma.commitUndo();
  }
  return readStorage();
}

/** Renames it wherever it is. */
export async function renameStyle({ id, name }: Params<'renameStyle'>): Promise<Result<'renameStyle'>> {
  const [own, shared] = [await readFromLibrary(id), readFromDocument(id)];
  if (!own && !shared) throw new InputError('This style was removed in the meantime.');
  if (own) await keepInLibrary({ ...own, entry: { ...own.entry, name } });
  if (shared) {
    keepInDocument({ ...shared, entry: { ...shared.entry, name } });
    figma.commitUndo();
  }
  return {};
}

export async function removeStyle({ id, place }: Params<'removeStyle'>): Promise<Result<'removeStyle'>> {
  if (place === 'library') await removeFromLibrary(id);
  else {
    removeFromDocument(id);
    figma.commitUndo();
  }
  return readStorage();
}

async function readStorage(): Promise<Result<'putStyle'>> {
  return { storage: storageOf(await readAll()) };
}
