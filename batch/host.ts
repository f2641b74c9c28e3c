/** What a batch uses of the program around it. The command line gives these; nothing here knows of it. */
import type { EngineDescription } from '../engine/engine';
import type { Image } from '../engine/image/image';
import type { Hooks, RestyleRequest } from '../engine/requests';
import type { JobOrder } from './job';

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

export interface BegunJob {
  readonly picture: Image;
  /** Positions in job.outputs of those that are not there yet. */
  readonly missing: readonly number[];
}

/** Every method throws an InputError when the job's own files do not serve, a MachineError when the machine's disks do not. */
export interface JobFiles {
  /** Reads and decodes the input of an order that is likely to come. Whether it serves is said when the order begins. */
  expect(order: JobOrder): void;
  /** The order is this process's own now. */
  begin(order: JobOrder): Promise<BegunJob>;
  /** Encodes an output and puts it on disk, whole and synced; gives its bytes instead where the order brought its input. */
  write(order: JobOrder, index: number, picture: Image): Promise<Uint8Array | undefined>;
}

/** What the process of a slot needs. */
export interface SlotHost {
  openEngine(options: SlotEngineOptions): Promise<BatchEngine>;
  /** Called once. */
  openFiles(): JobFiles;
}
