/** Times of restyling on any engine: from the choice of a style to its picture, and of another strength after that. */
import type { Image } from '../../engine/image/image';
import type { RestyleRequest } from '../../engine/requests';

/** Milliseconds. Processor time only where it can be asked for: it does not count what other processes take away. */
export interface Time {
  readonly wall: number;
  readonly processor?: number;
}

export interface RestyleTimes {
  /** Of the first picture, programs compiled. */
  readonly first: Time;
  /** Of a new style, where one costs nothing to choose, and a new picture. */
  readonly choose: readonly Time[];
  /** Of another strength after that. */
  readonly slide: readonly Time[];
}

type Engine = { restyle(request: RestyleRequest): Promise<Image> };

/** @param request of round n and a strength; made before the clock starts. */
export async function restyleTimes(
  engine: Engine,
  rounds: number,
  request: (round: number, strength: number) => RestyleRequest,
  processor?: () => number,
): Promise<RestyleTimes> {
  const timed = async (round: number, strength: number): Promise<Time> => {
    const asked = request(round, strength);
    const [started, used] = [performance.now(), processor?.()];
    await engine.restyle(asked);
    const wall = performance.now() - started;
    return used === undefined ? { wall } : { wall, processor: processor!() - used };
  };
  const first = await timed(0, 1);
  const choose: Time[] = [];
  const slide: Time[] = [];
  for (let round = 1; round <= rounds; round++) {
    choose.push(await timed(round, 1));
    slide.push(await timed(round, 0.6));
  }
  return { first, choose, slide };
}

/** Of pairs alone: each round has a new pair and a new picture of `side` px. */
export function pairTimes(engine: Engine, side: number, rounds: number, processor?: () => number) {
  const request = (round: number, strength: number): RestyleRequest => {
    const [before, after, image] = [0, 1, 2].map((n) => drawing(side, 3 * round + n)) as [Image, Image, Image];
    return { image, styles: [{ pairs: [{ before, after }], strength }] };
  };
  return restyleTimes(engine, rounds, request, processor);
}

/** A disc on a ramp, in colours of its own. */
export function drawing(side: number, seed: number): Image {
  const data = new Uint8ClampedArray(side * side * 4);
  const disc = [seed * 37, 90 + seed * 11, 200 - seed * 53];
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const ramp = [(255 * x) / side, seed * 71, (255 * y) / side];
      const colour = Math.hypot(x / side - 0.5, y / side - 0.45) < 0.3 ? disc : ramp;
      data.set([...colour.map((value) => value & 255), 255], (y * side + x) * 4);
    }
  }
  return { width: side, height: side, data };
}
