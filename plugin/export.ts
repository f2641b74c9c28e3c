/** Draws a layer as PNG. */
import { InputError, messageOf } from '../common/errors';
import type { ExportSize } from '../common/messages';
import { obstacleOf } from './nodes';

/** The largest image Figma takes, px a side. */
const LARGEST = 4096;

/** The long side of a result, px, for a layer whose long side measures `long` px on the canvas. */
export function fullSize(long: number): number {
  return Math.round(Math.min(LARGEST, Math.max(512, Math.min(2 * long, 2048), long)));
}

/**
 * A layer within its bounds, without what lies over or under it, in sRGB. `size` is the long side in px. Throws an
 * InputError that says why it cannot be drawn.
 */
export async function exportNode(node: SceneNode, size: ExportSize): Promise<Uint8Array> {
  const obstacle = obstacleOf(node);
  if (obstacle) throw new InputError(obstacle);
  const { width, height } = node.absoluteBoundingBox!;
  const value = size === 'full' ? fullSize(Math.max(width, height)) : size;
  try {
    return await node.exportAsync({
      format: 'PNG',
      useAbsoluteBounds: true,
      colorProfile: 'SRGB',
      constraint: { type: width >= height ? 'WIDTH' : 'HEIGHT', value },
    });
  } catch (error) {
    throw new InputError(`Figma could not draw this layer: ${messageOf(error)}`);
  }
}
