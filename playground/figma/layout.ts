/** Auto-layout in one line without wrapping, and groups that fit what is in them. */
import type { Transform } from '@figma/plugin-typings/plugin-api-standalone';
import { fitsItsContent, type NodeData } from './node-data';
import { apply, boundsUnder, invert, multiply, union } from './transform';

/** The nodes that must change (the node itself or its children) so that the node's layout is right. */
export function arrange(node: NodeData, get: (id: string) => NodeData): readonly NodeData[] {
  const children = node.children.map(get);
  if (fitsItsContent(node)) return fit(node, children);
  if (node.layout.mode !== 'NONE') return flow(node, children);
  return [];
}

function fit(node: NodeData, children: readonly NodeData[]): readonly NodeData[] {
  const [[a, c], [b, d]] = node.transform;
  const axes: Transform = [
    [a, c, 0],
    [b, d, 0],
  ];
  const toAxes = invert(axes);
  const box = union(
    children.map(({ transform, width, height }) => boundsUnder(multiply(toAxes, transform), width, height)),
  );
  if (!box) return [];
  const { x, y } = apply(axes, box);
  const same = node.transform[0][2] === x && node.transform[1][2] === y;
  if (same && node.width === box.width && node.height === box.height) return [];
  const transform: Transform = [
    [a, c, x],
    [b, d, y],
  ];
  return [{ ...node, transform, width: box.width, height: box.height }];
}

function flow(node: NodeData, children: readonly NodeData[]): readonly NodeData[] {
  const { layout } = node;
  const along = layout.mode === 'HORIZONTAL';
  const inFlow = children.filter(({ visible, layoutPositioning }) => visible && layoutPositioning === 'AUTO');
  const boxes = inFlow.map(({ transform: [[a, c], [b, d]], width, height }) =>
    boundsUnder(
      [
        [a, c, 0],
        [b, d, 0],
      ],
      width,
      height,
    ),
  );
  const lengths = boxes.map(({ width, height }) => (along ? width : height));
  const depths = boxes.map(({ width, height }) => (along ? height : width));
  const [start, end] = along ? [layout.paddingLeft, layout.paddingRight] : [layout.paddingTop, layout.paddingBottom];
  const [above, below] = along ? [layout.paddingTop, layout.paddingBottom] : [layout.paddingLeft, layout.paddingRight];

  const gaps = layout.itemSpacing * Math.max(0, inFlow.length - 1);
  const content = lengths.reduce((sum, length) => sum + length, 0) + gaps;
  const ownLength = along ? node.width : node.height;
  const ownDepth = along ? node.height : node.width;
  const length = layout.primaryAxisSizing === 'AUTO' && inFlow.length > 0 ? start + content + end : ownLength;
  const depth =
    layout.counterAxisSizing === 'AUTO' && inFlow.length > 0 ? above + Math.max(...depths) + below : ownDepth;

  const changed: NodeData[] = [];
  let at = start;
  inFlow.forEach((child, index) => {
    const room = depth - above - below - depths[index]!;
    const across = above + { MIN: 0, BASELINE: 0, CENTER: room / 2, MAX: room }[layout.counterAxisAlign];
    const box = boxes[index]!;
    const x = (along ? at : across) - box.x;
    const y = (along ? across : at) - box.y;
    at += lengths[index]! + layout.itemSpacing;
    const [[a, c, oldX], [b, d, oldY]] = child.transform;
    if (x === oldX && y === oldY) return;
    changed.push({
      ...child,
      transform: [
        [a, c, x],
        [b, d, y],
      ],
    });
  });
  const [width, height] = along ? [length, depth] : [depth, length];
  if (width !== node.width || height !== node.height) changed.push({ ...node, width, height });
  return changed;
}
