/** Affine maps of the plane as Figma writes them: [[a, c, x], [b, d, y]] takes (u, v) to (a u + c v + x, b u + d v + y). */
import type { Rect, Transform, Vector } from '@figma/plugin-typings/plugin-api-standalone';

export const IDENTITY: Transform = [
  [1, 0, 0],
  [0, 1, 0],
];

export const translation = (x: number, y: number): Transform => [
  [1, 0, x],
  [0, 1, y],
];

/** @param degrees counter-clockwise on screen, about the origin, as `node.rotation` counts. */
export function rotation(degrees: number): Transform {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [
    [cos, sin, 0],
    [-sin, cos, 0],
  ];
}

/** The map that applies `inner` first. */
export function multiply(outer: Transform, inner: Transform): Transform {
  const row = ([a, c, x]: Transform[0]): Transform[0] => [
    a * inner[0][0] + c * inner[1][0],
    a * inner[0][1] + c * inner[1][1],
    a * inner[0][2] + c * inner[1][2] + x,
  ];
  return [row(outer[0]), row(outer[1])];
}

/** Throws when the map squeezes the plane to a line. */
export function invert([[a, c, x], [b, d, y]]: Transform): Transform {
  const determinant = a * d - b * c;
  if (Math.abs(determinant) < 1e-12) throw new Error('the transform cannot be inverted');
  const [ia, ic, ib, id] = [d / determinant, -c / determinant, -b / determinant, a / determinant];
  return [
    [ia, ic, -(ia * x + ic * y)],
    [ib, id, -(ib * x + id * y)],
  ];
}

export function apply([[a, c, x], [b, d, y]]: Transform, point: Vector): Vector {
  return { x: a * point.x + c * point.y + x, y: b * point.x + d * point.y + y };
}

/** The upright rectangle around a `width` x `height` rectangle under a map. */
export function boundsUnder(transform: Transform, width: number, height: number): Rect {
  const corners = [
    { x: 0, y: 0 },
    { x: width, y: 0 },
    { x: 0, y: height },
    { x: width, y: height },
  ].map((corner) => apply(transform, corner));
  return boundsOf(corners);
}

/** The smallest upright rectangle that holds all points. */
function boundsOf(points: readonly Vector[]): Rect {
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

/** The smallest upright rectangle that holds all rectangles; undefined for none. */
export function union(rects: readonly Rect[]): Rect | undefined {
  if (rects.length === 0) return undefined;
  return boundsOf(
    rects.flatMap(({ x, y, width, height }) => [
      { x, y },
      { x: x + width, y: y + height },
    ]),
  );
}
