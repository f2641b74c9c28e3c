/** What a slot's process and the process above it say to each other. */
import type { EngineDescription } from '../../engine/engine';
import type { PlainError } from '../errors';
import type { SlotEngineOptions } from '../host';
import type { JobOrder, JobReply } from '../run-job';

export type ToSlot =
  | { readonly kind: 'open'; readonly options: SlotEngineOptions }
  /** Comes before the first order that names the style. */
  | { readonly kind: 'style'; readonly sha: string; readonly file: Uint8Array }
  | { readonly kind: 'forget styles' }
  /** Are these styles, sent before, of this model? */
  | { readonly kind: 'check'; readonly styles: readonly NamedStyle[]; readonly force: boolean }
  | { readonly kind: 'order'; readonly order: JobOrder };

export interface NamedStyle {
  /** For messages. */
  readonly name: string;
  readonly sha: string;
}

export type FromSlot =
  | { readonly kind: 'ready'; readonly description: EngineDescription }
  /** The model cannot be opened; the process ends. */
  | { readonly kind: 'refused'; readonly error: PlainError }
  | { readonly kind: 'checked' }
  /** An order came on; not an answer. */
  | { readonly kind: 'progress' }
  | { readonly kind: 'done'; readonly reply: JobReply }
  | { readonly kind: 'failed'; readonly error: PlainError };
