/**
 * The script of the engine's worker, bundled as one classic script, because a Figma plugin can start no other kind from
 * a Blob.
 */
import * as Comlink from 'comlink';
import { Engine } from './engine';
import { DeviceError } from './errors';
import { webBackend } from './runtime/backend-web';
import { ASYNCIFY, JSPI, PLAIN } from './runtime/web-builds';
import { folderOf, memoryFolder, type ModelFolder } from './weights/folder';
import { openHttpSource } from './weights/http-range';
import { hubFolder } from './weights/hub';
import type { FileContent, ModelLocation, OpenRequest } from './worker-protocol';
import { EngineService } from './worker-service';
import { servesAsThread } from './worker-thread';

/** Best first. */
const BUILDS = [JSPI, ASYNCIFY, PLAIN];

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

if (!servesAsThread(BUILDS)) Comlink.expose(new EngineService(openEngine));
