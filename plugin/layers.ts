/** Results as layers: put beside their source, opened again, changed in place. Each finished change is one step of undo. */
import { InputError } from '../common/errors';
import type { Params, Result, ResultParameters } from '../common/messages';
import { withNode } from './nodes';
import { encodeParameters, readParameters, writeParameters } from './parameters';
import { createImage, paint, readPictures, type ResultNode } from './pictures';
import { cover, freeSpot, homeOf, settle } from './placement';
import { offerOnResult } from './relaunch';

/** Puts a result directly above its source, over the same rectangle of the canvas. */
export function insertResult({ sourceId, original, styled, parameters }: Params<'insertResult'>) {
  return withNode(sourceId, (source): Result<'insertResult'> => {
    const box = source.absoluteBoundingBox;
    if (!box) throw new InputError(`“${source.name}” has no area any more.`);
    const images = { styled: createImage(styled), original: createImage(original) };
    const encoded = encodeParameters(parameters);
    const home = homeOf(source);
    return made(figma.createRectangle(), (node) => {
      node.name = source.name + suffix(parameters);
      node.fills = [];
      settle(node, home, box);
      paint(node, images.styled, images.original);
      writeParameters(node, encoded);
    });
  });
}

/** Puts an imagined picture on the current page, where there is room. */
export function insertImagined({
  picture,
  width,
  height,
  parameters,
}: Params<'insertImagined'>): Result<'insertImagined'> {
  if (!(width >= 1) || !(height >= 1)) throw new InputError('An imagined picture is at least 1 px wide and high.');
  const image = createImage(picture);
  const encoded = encodeParameters(parameters);
  const page = figma.currentPage;
  const spot = freeSpot(page, { width, height });
  return made(figma.createFrame(), (node) => {
    node.name = (parameters.prompt.slice(0, 60) || 'Imagined') + suffix(parameters);
    node.fills = [];
    page.appendChild(node);
    cover(node, spot);
    paint(node, image);
    writeParameters(node, encoded);
  });
}

/** What a result was made from, and how. */
export function openResult({ id }: Params<'openResult'>): Promise<Result<'openResult'>> {
  return withNode(id, async (node) => {
    const { result, parameters } = resultOf(node);
    return { ...(await readPictures(result)), parameters };
  });
}

/**
 * Changes a result in place. A preview changes the picture alone: parameters and the step of undo come with the final
 * one.
 */
export function updateResult({ id, styled, original, parameters, final }: Params<'updateResult'>) {
  return withNode(id, async (node): Promise<Result<'updateResult'>> => {
    const { result, parameters: before } = resultOf(node);
    const encoded = encodeParameters(parameters);
    const box = original && before.sourceId ? await boundsOf(before.sourceId) : null;
    paint(result, createImage(styled), original && createImage(original));
    if (box) cover(result, box);
    if (!final) return {};
    rename(result, before, parameters);
    writeParameters(result, encoded);
    figma.commitUndo();
    return {};
  });
}

/** Leaves nothing behind when it cannot be finished. */
function made<N extends ResultNode>(node: N, finish: (node: N) => void): { id: string } {
  try {
    finish(node);
    offerOnResult(node);
  } catch (error) {
    node.remove();
    throw error;
  }
  figma.commitUndo();
  return { id: node.id };
}

function resultOf(node: SceneNode): { result: ResultNode; parameters: ResultParameters } {
  const parameters = readParameters(node);
  if (!parameters || (node.type !== 'RECTANGLE' && node.type !== 'FRAME')) {
    throw new InputError(`“${node.name}” was not made by Diptych, or by a newer version of it.`);
  }
  return { result: node, parameters };
}

/** Where a source lies now; null when it is gone. */
async function boundsOf(id: string): Promise<Rect | null> {
  const node = await figma.getNodeByIdAsync(id);
  return node && !node.removed && 'absoluteBoundingBox' in node ? node.absoluteBoundingBox : null;
}

/** " – " and the names of the styles. */
function suffix({ styles }: ResultParameters): string {
  return styles.length > 0 ? ` – ${styles.map(({ name }) => name).join(' + ')}` : '';
}

/** The name follows the styles, unless the user gave the layer another one. */
function rename(node: ResultNode, before: ResultParameters, after: ResultParameters): void {
  const old = suffix(before);
  if (old && node.name.endsWith(old)) node.name = node.name.slice(0, -old.length) + suffix(after);
}
