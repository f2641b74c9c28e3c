/**
 * The script of the engine's worker, bundled as one classic script, because a Figma plugin can start no other kind from
 * a Blob.
 */
import { ASYNCIFY, JSPI, PLAIN } from '../runtime/web-builds';
import { folderOf, type ModelFolder } from '../weights/folder';
import { openHttpSource } from '../weights/http-range';
import { hubFolder } from '../weights/hub';
import { startWorker, type RemoteLocation } from './start';

function remoteFolder(model: RemoteLocation): ModelFolder {
  if (model.kind === 'hub') return hubFolder(model.name);
  const { name, url } = model;
  return folderOf(name, (path, signal) =>
    openHttpSource(`${url}/${path}`, { name: `${name}/${path}`, ...(signal && { signal }) }),
  );
}

startWorker([JSPI, ASYNCIFY, PLAIN], remoteFolder);
