/** Paths as text; nothing is read. */
import { sep } from 'node:path';

/** Whether a path is that of the folder or lies below it. Both absolute. */
export const isInside = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
