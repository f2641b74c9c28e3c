/**
 * The script of the engine's worker, bundled as one classic script, because a Figma plugin can start no other kind from
 * a Blob. ONNX Runtime's threads are workers of the same script; build.mjs has them name their build in the URL.
 */
import * as Comlink from 'comlink';
import { Engine } from './engine';
import { DeviceError, InputError } from './errors';
import { webBackend } from './runtime/backend-web';
import { ASYNCIFY, JSPI, PLAIN } from './runtime/web-builds';
import { folderOf, memoryFolder, type ModelFolder } from './weights/folder';
import { openHttpSource } from './weights/http-range';
import { hubFolder } from './weights/hub';
import type { FileContent, ModelLocation, OpenRequest } from './worker-protocol';
import { EngineService } from './worker-service';

/** Best first. */
const BUILDS = [JSPI, ASYNCIFY, PLAIN];

/** What ONNX Runtime calls the workers that are its threads. */
const THREAD_NAME = 'em-pthread';

function openFolder(model: ModelLocation): ModelFolder {
  if (model.kind === 'files') return memoryFolder(model.name, model.files);
  if (model.kind === 'hub') return hubFolder(model.name);
  const { name, url } = model;
  return folderOf(name, (path, signal) =>
    openHttpSource(`${url}/${path}`, { name: `${name}/${path}`, ...(signal && { signal }) }),
  );
}

async function readWasm(file: string, content: FileContent | string): Promise<ArrayBuffer | Uint8Array> {
  if (content instanceof Uint8Array) return content;
  if (content instanceof Blob) return content.arrayBuffer();
  const response = await fetch(content).catch((error: unknown) => {
    throw new DeviceError(`${file} cannot be fetched (${String(error)}); check the connection and try again`);
  });
  if (!response.ok) throw new DeviceError(`${file} cannot be fetched (HTTP ${response.status}); reload the page`);
  return response.arrayBuffer();
}

async function openEngine({ model, wasm, device }: OpenRequest, signal: AbortSignal): Promise<Engine> {
  const backend = webBackend(
    BUILDS.filter(({ wasmFile }) => wasm.has(wasmFile)),
    (file) => readWasm(file, wasm.get(file)!),
  );
  return Engine.open(openFolder(model), backend, device, signal);
}

if (self.name.startsWith(THREAD_NAME)) {
  const wasmFile = location.hash.slice(1);
  const build = BUILDS.find((candidate) => candidate.wasmFile === wasmFile);
  if (!build) throw new InputError(`a thread of an unknown build of ONNX Runtime: ${wasmFile}`);
  // On loading, the build sees the name of its worker and waits for the thread's work.
  void build.load();
} else {
  Comlink.expose(new EngineService(openEngine));
}
