/** The outline of a node in its own coordinates. */
import type { NodeData } from '../figma/node-data';

export function outlineOf({ kind, width, height, cornerRadius, vectorPaths }: NodeData): Path2D {
  const path = new Path2D();
  if (kind === 'ELLIPSE') path.ellipse(width / 2, height / 2, width / 2, height / 2, 0, 0, 2 * Math.PI);
  else if (kind === 'VECTOR') for (const { data } of vectorPaths) path.addPath(new Path2D(data));
  else path.roundRect(0, 0, width, height, Math.min(cornerRadius, width / 2, height / 2));
  return path;
}
