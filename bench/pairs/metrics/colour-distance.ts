/** How far apart the colours of two pictures are, wherever in the picture they lie. */
import { Random } from '../../../engine/tensor/random';
import { labOf, type Lab } from '../pixels/lab';

const DIRECTIONS = 16;
/** Colours compared of each picture: every n-th pixel across and down, so that sorting stays cheap. */
const STRIDE = 4;

/** Uniform on the sphere, the same in every run. */
const directions: readonly Lab[] = (() => {
  const random = new Random(1);
  return Array.from({ length: DIRECTIONS }, () => {
    const [x, y, z] = [random.normal(), random.normal(), random.normal()];
    const length = Math.hypot(x, y, z);
    return [x / length, y / length, z / length] as const;
  });
})();

/** The colours of three planes of width * height numbers in [0, 1]. */
export function labColours(rgb: Float32Array, width: number, height: number): Lab[] {
  const size = width * height;
  const colours: Lab[] = [];
  for (let y = Math.floor(STRIDE / 2); y < height; y += STRIDE) {
    for (let x = Math.floor(STRIDE / 2); x < width; x += STRIDE) {
      const i = y * width + x;
      colours.push(labOf([rgb[i]!, rgb[size + i]!, rgb[2 * size + i]!]));
    }
  }
  return colours;
}

/**
 * Sliced 1-Wasserstein distance (Rabin et al., 2011) of two equally many colours in CIELAB: the mean over directions of
 * the least mean move along that direction. A shift of all colours by a vector v gives the mean of |v . direction|,
 * about half its length.
 */
export function slicedWasserstein(a: readonly Lab[], b: readonly Lab[]): number {
  if (a.length !== b.length) throw new RangeError(`${a.length} and ${b.length} colours cannot be matched one to one`);
  let sum = 0;
  for (const direction of directions) {
    const [p, q] = [project(a, direction), project(b, direction)];
    for (let i = 0; i < p.length; i++) sum += Math.abs(p[i]! - q[i]!);
  }
  return sum / (a.length * DIRECTIONS);
}

function project(colours: readonly Lab[], [x, y, z]: Lab): Float32Array {
  return Float32Array.from(colours, (c) => c[0] * x + c[1] * y + c[2] * z).sort();
}
