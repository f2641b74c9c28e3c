/** The background around a drawing: found, measured on a pair, held when a picture is restyled. */
import { backgroundOf, backgroundExtent, holdBackground } from '../../engine/image/background';
import { planes, type Planes } from '../../engine/image/resample';
import { disc } from '../support/pictures';

const SIDE = 128;

/** Planes whose colours at (x, y) are the same in all channels. */
const grey = (level: (x: number, y: number) => number): Planes =>
  planes(
    3,
    SIDE,
    SIDE,
    Float32Array.from({ length: 3 * SIDE * SIDE }, (_, i) => {
      const p = i % (SIDE * SIDE);
      return level(p % SIDE, Math.floor(p / SIDE));
    }),
  );
const at = (x: number, y: number): number => y * SIDE + x;

/** A dark disc of radius 30 px in the middle of a white background. */
const drawing = grey((x, y) => 1 - 0.7 * disc(x, y, 64, 64, 30));
/** The same within a white ring, which the background does not join. */
const ring = grey((x, y) => 1 - 0.7 * (disc(x, y, 64, 64, 30) - disc(x, y, 64, 64, 20)));
const withRim = (width: number): Planes =>
  grey((x, y) => 1 - 0.7 * disc(x, y, 64, 64, 30) - 0.3 * (disc(x, y, 64, 64, 30 + width) - disc(x, y, 64, 64, 30)));

test('background is what joins the border in its colour', () => {
  const background = backgroundOf(ring)!;
  expect(background[at(0, 0)]).toBe(1);
  expect(background[at(64, 30)]).toBe(1);
  expect(background[at(64, 40)]).toBe(0);
  expect(background[at(64, 64)]).toBe(0);
});

test('a picture without one colour along its border has no background', () => {
  const ramp = grey((x) => x / SIDE);
  expect(backgroundOf(ramp)).toBeNull();
  expect(backgroundExtent(ramp, ramp)).toBeNull();
});

test('a picture all of one colour has no drawing, and so no background: it is restyled', () => {
  const plain = grey(() => 0.4);
  const difference = grey(() => -0.25);
  expect(
    backgroundExtent(
      plain,
      grey(() => 0.2),
    ),
  ).toBeNull();
  expect(holdBackground(difference, plain, 0)).toBe(difference);
});

test('reach: none where the background stays, a rim where it is drawn, 1 where it changes as far as it goes', () => {
  expect(
    backgroundExtent(
      drawing,
      grey((x, y) => 1 - 0.2 * disc(x, y, 64, 64, 30)),
    ),
  ).toBe(0);
  for (const width of [4, 9]) {
    const reach = SIDE * backgroundExtent(drawing, withRim(width))!;
    expect(reach).toBeGreaterThan(width - 1.5);
    expect(reach).toBeLessThan(1.09 * width + 1.5);
  }
  expect(
    backgroundExtent(
      drawing,
      grey((x, y) => 0.1 + 0.7 * disc(x, y, 64, 64, 30)),
    ),
  ).toBe(1);
  // Up to the border on one side only.
  expect(
    backgroundExtent(
      drawing,
      grey((x, y) => (x < 20 ? 0 : 1) - 0.7 * disc(x, y, 64, 64, 30)),
    ),
  ).toBe(1);
});

test('a few specks do not count', () => {
  const specked = withRim(4);
  for (let c = 0; c < 3; c++) for (const i of [at(3, 3), at(120, 9)]) specked.data[c * SIDE * SIDE + i] = 0;
  expect(backgroundExtent(drawing, specked)).toBe(backgroundExtent(drawing, withRim(4)));
});

test('a difference is kept on the drawing and within the reach, and ends beyond it', () => {
  const difference = grey(() => -0.25);
  const held = holdBackground(difference, drawing, 8 / SIDE);
  expect(held.data[at(64, 64)]).toBe(-0.25);
  expect(held.data[at(64 + 30 + 6, 64)]).toBe(-0.25);
  expect(held.data[at(64 + 30 + 14, 64)]).toBeCloseTo(0, 10);
  expect(held.data[at(2, 2)]).toBeCloseTo(0, 10);
  for (const c of [1, 2]) expect(held.data[c * SIDE * SIDE + at(2, 2)]).toBeCloseTo(0, 10);
  expect(holdBackground(difference, drawing, 1)).toBe(difference);
  expect(holdBackground(difference, drawing, null)).toBe(difference);
  expect(
    holdBackground(
      difference,
      grey((x) => x / SIDE),
      0,
    ),
  ).toBe(difference);
});
