/** The configuration of the pair-conditioned net, read from its config.json. */
import { InputError } from '../../errors';
import { ConfigReader } from '../../weights/config';

/** Areas of one colour that are kept of a picture, the largest (engine/image/areas.ts finds them). */
export const AREAS = 32;
/** Planes that say how near a border is. */
export const NEAR = 2;
/** Numbers of a colour of a palette: premultiplied RGBA, and 1 where there is such a colour. */
export const PALETTE_CHANNELS = 5;

/** Numbers of an area's form, and distances from its border for which the net says what becomes of it (engine/image/area-facts.ts). */
export const [FORM, BINS] = [12, 14] as const;
/** Numbers of what became of an area at one distance: pixels, their mean distance, mean colour (4), standard deviation. */
export const FATE = 7;

/** Widths, heads: of the fine level (a token is 4 x 4 pixels) and of the coarse one (8 x 8). */
export interface PairNetConfig {
  /** Channels of the stem's convolution. */
  readonly stem: number;
  readonly widths: readonly [number, number];
  readonly heads: readonly [number, number];
  /** Blocks on the way down, at the coarse level, and on the way up. */
  readonly depths: readonly [number, number, number];
  /** Width of the gated MLP as a multiple of the level's width. */
  readonly expansion: number;
  /** Channels that the backbone hands to the head. */
  readonly features: number;
  /** Standard deviations, px of the backbone's size, of the blurred copies of the picture that the head sees. */
  readonly blurs: readonly number[];
  /** Channels of the convolution that joins tokens. */
  readonly refine: number;
  /** Channels of the head's convolutions. */
  readonly head: number;
  /** Lookups of reference pixels, each in a space of its own. */
  readonly lookups: number;
  /** Channels that the head reads of every area of one colour. */
  readonly areas: number;
  /** Long side at which the backbone sees pictures, px; a multiple of 16. */
  readonly size: number;
  readonly areaNet: AreaNetConfig;
}

/** Of the net on areas (area-net.ts). */
export interface AreaNetConfig {
  readonly width: number;
  readonly heads: number;
  readonly layers: number;
  /** Inner width of the gated MLPs. */
  readonly inner: number;
  readonly lookups: number;
}

const MOST_CHANNELS = 4096;
const MOST_BLOCKS = 64;
const USUAL_SIZE = 128;

/** What config.json calls the net. */
export const PAIR_NET = 'PairNet';

/** @throws InputError naming the file and the key for what is missing, out of range or of another version. */
export function readPairNetConfig(json: unknown, name: string): PairNetConfig {
  const config = new ConfigReader(json, name);
  config.only('_class_name', [PAIR_NET]);
  // Weights of earlier formats lack the net on areas, or what it is told of the style.
  config.only('format', [6]);
  const channels = { min: 1, max: MOST_CHANNELS };
  const widths = config.perBlock('widths', 2, undefined, channels) as [number, number];
  const heads = config.perBlock('heads', 2, undefined, channels) as [number, number];
  const size = config.integer('size', USUAL_SIZE, { min: 32, max: 1024 });
  widths.forEach((width, i) => {
    if (width % heads[i]! !== 0) {
      throw new InputError(
        `${name}: "widths" has ${width}, not a multiple of ${heads[i]} heads; fetch the model again`,
      );
    }
  });
  if (size % 16 !== 0) throw new InputError(`${name}: "size" is ${size}, not a multiple of 16; fetch the model again`);
  return {
    stem: config.integer('stem', undefined, channels),
    widths,
    heads,
    depths: config.perBlock('depths', 3, undefined, { min: 0, max: MOST_BLOCKS }) as [number, number, number],
    expansion: config.number('expansion', undefined, { min: 0.1, max: 16 }),
    features: config.integer('features', undefined, channels),
    blurs: config.integers('blurs', undefined, { min: 1, max: 64 }),
    refine: config.integer('refine', undefined, channels),
    head: config.integer('head', undefined, channels),
    lookups: config.integer('lookups', undefined, { min: 1, max: 16 }),
    areas: config.integer('areas', undefined, channels),
    size,
    areaNet: readAreaNetConfig(config, name),
  };
}

function readAreaNetConfig(config: ConfigReader, name: string): AreaNetConfig {
  const channels = { min: 1, max: MOST_CHANNELS };
  const width = config.integer('area_width', undefined, channels);
  const heads = config.integer('area_heads', undefined, channels);
  if (width % heads !== 0) {
    throw new InputError(`${name}: "area_width" is ${width}, not a multiple of ${heads} heads; fetch the model again`);
  }
  return {
    width,
    heads,
    layers: config.integer('area_layers', undefined, { min: 0, max: MOST_BLOCKS }),
    inner: config.integer('area_inner', undefined, channels),
    lookups: config.integer('area_lookups', undefined, { min: 1, max: 16 }),
  };
}
