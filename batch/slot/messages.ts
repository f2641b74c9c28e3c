/** What a slot's process and the process above it say to each other. */
import type { EngineDescription } from '../../engine/engine';
import type { PlainError } from '../errors';
import type { SlotEngineOptions } from '../host';
import type { JobOrder, JobReply } from '../job';

/** Each question has a number, which its answers carry. */
export type ToSlot =
  | { readonly kind: 'open'; readonly id: number; readonly options: SlotEngineOptions }
  /** Comes before the first order that names the style. */
  | { readonly kind: 'style'; readonly sha: string; readonly file: Uint8Array }
  | { readonly kind: 'forget styles' }
  /** Are these styles, sent before, of this model? */
  | { readonly kind: 'check'; readonly id: number; readonly styles: readonly NamedStyle[]; readonly force: boolean }
  | { readonly kind: 'order'; readonly id: number; readonly order: JobOrder }
  /** This order is likely to come next. */
  | { readonly kind: 'expect'; readonly order: JobOrder };

export interface NamedStyle {
  /** For messages. */
  readonly name: string;
  readonly sha: string;
}

/** Of an order comes `computed`, unless it fails before, and then its answer. */
export type FromSlot = { readonly id: number } & SlotEvent;

export type SlotEvent =
  /** It came on. */
  | { readonly kind: 'progress' }
  /** The engine is free for the next order; files of this one are still to be written. */
  | { readonly kind: 'computed' }
  | SlotAnswer;

export type SlotAnswer =
  | { readonly kind: 'ready'; readonly description: EngineDescription }
  /** The model cannot be opened; the process ends. */
  | { readonly kind: 'refused'; readonly error: PlainError }
  | { readonly kind: 'checked' }
  | { readonly kind: 'done'; readonly reply: JobReply }
  | { readonly kind: 'failed'; readonly error: PlainError };
