/** What a batch uses of the program around it. The command line gives these; nothing here knows of it. */
import type { EngineDescription } from '../engine/engine';
import type { Image } from '../engine/image/image';
import type { Hooks, RestyleRequest } from '../engine/requests';

/** The engine as a batch sees it. */
export interface BatchEngine {
  readonly description: EngineDescription;
  restyle(request: RestyleRequest, hooks?: Pick<Hooks, 'onProgress'>): Promise<Image>;
  describeStyle(name: string, file: Uint8Array, force?: boolean): Promise<object>;
  dispose(): Promise<void>;
}

/** How a slot opens its model. */
export interface SlotEngineOptions {
  readonly model?: string;
  readonly device?: 'auto' | 'cpu' | 'webgpu';
  readonly threads?: number;
}

/** Picture files to pixels and back. */
export interface PictureCodec {
  /** The picture in a file's bytes; throws an InputError that begins with `name`. */
  decodeImage(name: string, bytes: Uint8Array): Promise<Image>;
  encodePng(image: Image): Promise<Uint8Array>;
}

/** What the process of a slot needs. */
export interface SlotHost {
  openEngine(options: SlotEngineOptions): Promise<BatchEngine>;
  readonly codec: PictureCodec;
}
