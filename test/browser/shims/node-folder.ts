/** Stands in for engine/weights/node-folder when golden cases run in a page. */
import { folderOf, type ModelFolder } from '../../../engine/weights/folder';
import { openHttpSource } from '../../../engine/weights/http-range';

export const nodeFolder = async (path: string): Promise<ModelFolder> =>
  folderOf(path, (file) => openHttpSource(`/${path}/${file}`, { name: `${path}/${file}` }));
