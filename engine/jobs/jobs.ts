/** What an open model of either kind does: diffusion models with prompts, and models that read a style from its pairs. */
import type { Image } from '../image/image';
import type { Hooks, ImagineRequest, LearnRequest, LearnResult, RestyleRequest, StyleDescription } from '../requests';

export interface ModelDescription {
  readonly model: string;
  readonly fingerprint: string;
  /** Side of the square images the model was trained on, px. */
  readonly nativeSize: number;
}

/** Each throws an InputError for requests that do not serve this model, and a CancelledError when the signal fires. */
export interface Jobs {
  readonly description: ModelDescription;
  learn(request: LearnRequest, hooks: Hooks): Promise<LearnResult>;
  restyle(request: RestyleRequest, hooks: Hooks): Promise<Image>;
  imagine(request: ImagineRequest, hooks: Hooks): Promise<Image>;
  describeStyle(name: string, file: Uint8Array, force?: boolean): Promise<StyleDescription>;
  /** Gives back what is kept on the device. */
  dispose(): void;
}
