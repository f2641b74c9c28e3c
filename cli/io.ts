/** What the commands use of the outside world, so that tests and the demo can give their own. */
import type { Engine, OpenOptions } from '../engine/engine';
import type { ModelFolder } from '../engine/weights/folder';
import type { Kept } from './supervising/messages';

/** The engine as the commands see it. */
export type CommandEngine = Pick<Engine, 'description' | 'learn' | 'restyle' | 'imagine' | 'describeStyle' | 'dispose'>;

export interface Io {
  /** Writes to standard output; `text` holds its own newlines. */
  readonly out: (text: string) => void;
  /** Writes to standard error. */
  readonly err: (text: string) => void;
  /** Whether standard error is a terminal, on which a line can be redrawn. */
  readonly interactive: boolean;
  /** Fires when the program is asked to end (signals.ts). */
  readonly signal: AbortSignal;
  /** How this program was started, e.g. "npx diptych": lines to type again begin so. */
  readonly command: string;
  /** Diptych's own, e.g. "0.1.0". */
  readonly version: string;
  /** Diptych's own folder, where models/ lies. */
  readonly root: string;
  /** Says what is there of the work so far, for a supervisor to tell if this process is ended in the middle of it. */
  readonly keep?: (kept: Kept) => void;
  readonly openEngine: (folder: ModelFolder, options: OpenOptions, signal: AbortSignal) => Promise<CommandEngine>;
}
