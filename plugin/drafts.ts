/** The learning that was interrupted last, with its checkpoint, in the user's own storage. */
import * as v from 'valibot';
import { draft, type Draft } from '../common/messages';
import { withPrompt } from './earlier-versions';
import { keep } from './quota';

const KEY = 'draft';

/** Null when there is none of this version. */
export async function readDraft(): Promise<Draft | null> {
  const read = v.safeParse(draft, withPrompt(await figma.clientStorage.getAsync(KEY)));
  return read.success ? read.output : null;
}

/** Throws a QuotaError, and keeps the draft before, when it does not fit. */
export function keepDraft(value: Draft): Promise<void> {
  return keep(
    KEY,
    value,
    `The checkpoint of “${value.name}”`,
    'Remove or export a style to be able to go on after closing.',
  );
}

export function removeDraft(): Promise<void> {
  return figma.clientStorage.deleteAsync(KEY);
}
