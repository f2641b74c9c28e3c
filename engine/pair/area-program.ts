/** The program of the net on areas: what a style does to the areas of a picture. */
import type { Value } from '../graph/graph';
import { areaFactShapes, areaNet, type AreaFacts, type AreaFactValues } from '../nets/pair/area-net';
import { AREAS, BINS, FATE, PALETTE_CHANNELS, type AreaNetConfig } from '../nets/pair/config';
import type { Scope } from '../nets/scope';
import { f32, type HostTensor } from '../tensor/tensor';

/** The areas of a pair's before picture, at its own size (engine/image/area-facts.ts). */
export interface PairAreas {
  readonly facts: AreaFacts;
  /** What became of them in the after picture, and as if nothing had: [AREAS, BINS, FATE] each. */
  readonly fates: readonly [Float32Array, Float32Array];
}

const NAMES = ['palette', 'form', 'beside'] as const;
/** Before the names of the facts of references. */
const OF_PAIRS = 'pair.';

/** Outputs `changes` [1, AREAS, BINS, 4], styled minus base, and `shares` [1, AREAS], for a style of `count` pairs. */
export function buildAreaProgram(scope: Scope, config: AreaNetConfig, count: number): void {
  const { b } = scope;
  const factsOf = (n: number, prefix: string): AreaFactValues => {
    const shapes = areaFactShapes(n);
    const input = (name: keyof AreaFactValues): Value => b.input(prefix + name, shapes[name]);
    return { palette: input('palette'), form: input('form'), beside: input('beside') };
  };
  const own = factsOf(1, '');
  const twice = (x: Value): Value => b.concat([x, x], 0);
  const query = { palette: twice(own.palette), form: twice(own.form), beside: twice(own.beside) };
  const references = { ...factsOf(2 * count, OF_PAIRS), fate: b.input('fate', [2 * count, AREAS, BINS, FATE]) };
  const found = areaNet(scope, config, query, references, b.input('colours', [2, AREAS * count, PALETTE_CHANNELS]));
  b.output('changes', b.sub(b.slice(found.colours, 0, 0, 1), b.slice(found.colours, 0, 1, 2)));
  b.output('shares', b.slice(found.shares, 0, 0, 1));
}

/** The picture's own areas. */
export const ownAreaFeeds = (facts: AreaFacts): Record<string, HostTensor> => factFeeds([facts], '');

/**
 * The references': first as they are, then as if nothing had changed.
 *
 * @param colours of the pictures that each ends in, [2, AREAS pairs, PALETTE_CHANNELS].
 */
export function areaFeeds(pairs: readonly PairAreas[], colours: Float32Array): Record<string, HostTensor> {
  const facts = pairs.map((pair) => pair.facts);
  const fates = [0, 1].flatMap((row) => pairs.map((pair) => pair.fates[row]!));
  return {
    ...factFeeds([...facts, ...facts], OF_PAIRS),
    fate: f32(joined(fates), [fates.length, AREAS, BINS, FATE]),
    colours: f32(colours, [2, AREAS * pairs.length, PALETTE_CHANNELS]),
  };
}

function factFeeds(facts: readonly AreaFacts[], prefix: string): Record<string, HostTensor> {
  const shapes = areaFactShapes(facts.length);
  return Object.fromEntries(
    NAMES.map((name) => [prefix + name, f32(joined(facts.map((of) => of[name])), shapes[name])]),
  );
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
