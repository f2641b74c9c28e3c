/**
 * The head of the pair-conditioned net: works at the picture's own resolution, on a part of it if it is large, and turns
 * the backbone's features, the picture's own colours and what it finds in the references into the after picture.
 */
import type { Value } from '../../graph/graph';
import type { Scope } from '../scope';
import { areaValues, ofAreas, type AreaInputs } from './area-values';
import type { PairNetConfig } from './config';
import { FOUND, lookUp, referencePixels, type ReferencePixels } from './lookup';

/** Channels of the last layer before those of the lookups: residual 4, share of the closed form, matrix 4 x 4. */
const OUTPUTS = 21;

/** Pixels around a part of a picture on which the part's answer depends. */
export const MARGIN = 2;

/** A part of N pictures with its margin: [N, C, H + 4, W + 4]; beyond the picture's edges everything is 0. */
export interface HeadInputs {
  readonly source: Value;
  /** The target so far. */
  readonly soFar: Value;
  /** The picture as the closed form maps it, and how far that is trusted (closed-form.ts). */
  readonly mapped: Value;
  readonly trust: Value;
  /** The backbone's, resized to the picture. */
  readonly features: Value;
  /** How near a border is, [N, 2, H + 4, W + 4] (engine/image/areas.ts). */
  readonly near: Value;
  /** 1 inside the picture, 0 beyond its edges, [1, 1, H + 4, W + 4]. */
  readonly inside: Value;
}

/** A head's first layers at a part of N pictures. */
interface Seen {
  /** [N, head, H, W] */
  readonly hidden: Value;
  /** What pixels are compared by in lookups: colour, the backbone's features, the head's and nearness, [N, C, H, W]. */
  readonly compared: Value;
}

/** What the head knows of each pixel by itself, without its area. */
interface Known {
  /** [N, head, H, W] */
  readonly hidden: Value;
  /** [N, lookups FOUND, H, W] */
  readonly found: Value;
  readonly source: Value;
  readonly mapped: Value;
  readonly trust: Value;
}

/**
 * The looked-up pixels of references.
 *
 * @param inputs of whole references, framed by the margin.
 */
export function readReferencePixels(scope: Scope, config: PairNetConfig, inputs: HeadInputs): ReferencePixels {
  const { compared } = see(scope, config, inputs);
  return referencePixels(scope, config, compared, cut(scope, inputs.source), cut(scope, inputs.soFar));
}

/**
 * What every area of queries is to become.
 *
 * @param inputs of whole queries at the backbone's size, framed by the margin.
 * @returns see area-values.ts.
 */
export function readAreas(
  scope: Scope,
  config: PairNetConfig,
  inputs: HeadInputs,
  references: readonly ReferencePixels[],
  areas: AreaInputs,
): Value {
  return areaValues(scope, config, { ...know(scope, config, inputs, references), ...areas });
}

/**
 * @param references of every query; see lookup.ts.
 * @param areas values of the areas of the whole pictures, and their share in every pixel of the part, [1 or N, areas, H, W].
 * @returns the after pictures, premultiplied RGBA, not clipped: [N, 4, H, W].
 */
export function headAnswer(
  scope: Scope,
  config: PairNetConfig,
  inputs: HeadInputs,
  references: readonly ReferencePixels[],
  areas: { readonly values: Value; readonly member: Value },
): Value {
  const { b } = scope;
  const { hidden, found, source, mapped, trust } = know(scope, config, inputs, references);
  const ofArea = ofAreas(b, areas.values, areas.member);
  const outputs = OUTPUTS + 2 * config.lookups;
  const both = scope.at('head5').conv(b.concat([hidden, ofArea.channels], 1), config.head, 1);
  const more = scope.at('head6').conv(b.silu(both), outputs + 1, 1);
  const out = b.add(scope.at('head4').conv(hidden, outputs, 1), b.slice(more, 1, 0, outputs));
  const leftOut = b.slice(more, 1, outputs, outputs + 1);

  const [n, , height, width] = out.shape as [number, number, number, number];
  const channel = (i: number): Value => b.slice(out, 1, i, i + 1);
  const matrix = b.reshape(b.slice(out, 1, 5, OUTPUTS), [n, 4, 4, height * width]);
  const product = b.reduceSum(b.mul(matrix, b.reshape(source, [n, 1, 4, height * width])), [2]);
  const terms = [
    b.mul(b.add(trust, channel(4)), b.sub(mapped, source)),
    b.slice(out, 1, 0, 4),
    b.reshape(product, [n, 4, height, width]),
  ];
  for (let i = 0; i < config.lookups; i++) {
    const [after, change] = [0, 4].map((at) => b.slice(found, 1, FOUND * i + at, FOUND * i + at + 4)) as [Value, Value];
    terms.push(b.mul(channel(OUTPUTS + 2 * i), b.sub(after, source)));
    terms.push(b.mul(channel(OUTPUTS + 2 * i + 1), change));
  }
  const change = terms.reduce((sum, term) => b.add(sum, term));
  const own = b.mul(b.sub(b.scalar(1), leftOut), change);
  return b.add(b.add(source, own), ofArea.change);
}

function know(scope: Scope, config: PairNetConfig, inputs: HeadInputs, references: readonly ReferencePixels[]): Known {
  const { b } = scope;
  const { hidden, compared } = see(scope, config, inputs);
  const found = lookUp(scope, config, compared, references);
  const [source, mapped, trust] = [inputs.source, inputs.mapped, inputs.trust].map((x) => cut(scope, x)) as [
    Value,
    Value,
    Value,
  ];
  const joined = scope.at('head3').conv(b.concat([hidden, found, source, mapped, trust], 1), config.head, 1);
  return { hidden: b.silu(joined), found, source, mapped, trust };
}

/** The picture's planes and features through two convolutions; without the margin. */
function see(scope: Scope, config: PairNetConfig, inputs: HeadInputs): Seen {
  const { b } = scope;
  const none = { pads: [0, 0, 0, 0] } as const;
  const planes = [inputs.source, inputs.soFar, inputs.mapped, inputs.trust, inputs.features, inputs.near];
  const first = b.silu(scope.at('head1').conv(b.concat(planes, 1), config.head, 3, none));
  // What lies beyond an edge counts as 0 for the second convolution too.
  const hidden = b.silu(scope.at('head2').conv(b.mul(first, cut(scope, inputs.inside, 1)), config.head, 3, none));
  const centred = b.sub(cut(scope, inputs.source), 0.5);
  const compared = b.concat([centred, cut(scope, inputs.features), hidden, cut(scope, inputs.near)], 1);
  return { hidden, compared };
}

/** Without `by` pixels at each edge. */
function cut({ b }: Scope, x: Value, by = MARGIN): Value {
  const inner = b.slice(x, 2, by, x.shape[2]! - by);
  return b.slice(inner, 3, by, x.shape[3]! - by);
}
