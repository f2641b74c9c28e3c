/** What every flow of the panel is given. */
import type { ReadonlySignal } from '@preact/signals-core';
import type { Selection } from '../../common/messages';
import type { SandboxPort } from '../bridge';
import type { EnginePort } from '../ports';
import type { BaseModel } from './base-model';
import type { Notices } from './notices';

export interface Services {
  readonly sandbox: SandboxPort;
  readonly engine: EnginePort;
  readonly model: BaseModel;
  readonly notices: Notices;
  readonly selection: ReadonlySignal<Selection>;
  /** Gives the user a file to keep. */
  readonly saveFile: (name: string, content: Uint8Array) => void;
}

/** Says something at the foot of the editor, where it is seen whatever the panel shows. Not worth an error of its own. */
export function tellEditor({ sandbox }: Services, text: string, error = false): void {
  sandbox.call('notify', { text, error }).catch(() => undefined);
}
