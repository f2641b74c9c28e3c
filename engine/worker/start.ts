/** What every build of the engine's worker does at its start. */
import * as Comlink from 'comlink';
import { describeModel } from '../diffusion/model';
import { Engine } from '../engine';
import { DeviceError, InputError } from '../errors';
import { usualNeeds, type MemoryNeeds } from '../preflight';
import { webBackend } from '../runtime/backend-web';
import type { WebBuild } from '../runtime/web-builds';
import { memoryFolder, type ModelFolder } from '../weights/folder';
import type { FileContent, ModelLocation, OpenRequest } from './protocol';
import { keepLife } from './life';
import { EngineService } from './service';
import { servesAsThread } from './thread';

export type RemoteLocation = Exclude<ModelLocation, { readonly kind: 'files' }>;

/**
 * Offers the engine to the page that started this worker, or serves as one of ONNX Runtime's threads.
 *
 * @param builds the builds of ONNX Runtime in this script, best first.
 * @param remoteFolder opens a folder on a server; left out where there is no network.
 */
export function startWorker(
  builds: readonly WebBuild[],
  remoteFolder?: (location: RemoteLocation) => ModelFolder,
): void {
  const openFolder = (model: ModelLocation): ModelFolder => {
    if (model.kind === 'files') return memoryFolder(model.name, model.files);
    if (remoteFolder) return remoteFolder(model);
    throw new InputError(`${model.name} is on a server, and this worker has no network; give the model's files`);
  };
  const openEngine = async ({ model, wasm, device }: OpenRequest, signal: AbortSignal): Promise<Engine> => {
    const backend = webBackend(
      builds.filter(({ wasmFile }) => wasm.has(wasmFile)),
      (file) => readWasm(file, wasm.get(file)!),
    );
    return Engine.open(openFolder(model), backend, device, signal);
  };
  const estimate = async (model: ModelLocation): Promise<MemoryNeeds> =>
    usualNeeds(await describeModel(openFolder(model)));
  if (servesAsThread(builds)) return;
  keepLife();
  Comlink.expose(new EngineService(openEngine, estimate));
}

async function readWasm(file: string, content: FileContent | string): Promise<ArrayBuffer | Uint8Array> {
  if (content instanceof Uint8Array) return content;
  if (content instanceof Blob) return content.arrayBuffer();
  const response = await fetch(content).catch((error: unknown) => {
    throw new DeviceError(`${file} cannot be fetched (${String(error)}); check the connection and try again`);
  });
  if (!response.ok) throw new DeviceError(`${file} cannot be fetched (HTTP ${response.status}); reload the page`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  return isGzip(bytes) ? gunzip(bytes) : bytes;
}

/** Servers store a file compressed, and some of them undo that on the way. */
function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

function gunzip(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
}
