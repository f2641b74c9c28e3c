/** A model among the files of a build. */
import type { FileContent } from '../engine/worker/protocol';
import type { ModelFiles } from './ports';

/** Files named "NAME/unet/config.json" and so on, all of one NAME, as a model folder of that name. */
export function modelAmong(files: ReadonlyMap<string, FileContent>): ModelFiles {
  const split = [...files].map(([name, content]) => {
    const slash = name.indexOf('/');
    return [name.slice(0, slash), name.slice(slash + 1), content] as const;
  });
  const name = split[0]?.[0];
  if (name === undefined) throw new Error('this build of the panel holds no model');
  return { name, files: new Map(split.map(([, path, content]) => [path, content])) };
}
