/** Restyling end to end on a tiny random model: identity at strength 0, sizes, alpha, guides, blending. */
import { BLUE, CLEAR, PALE, RED, drawing, tinyEngine, type Paint } from '../support/tiny-engine';
import { CancelledError, InputError } from '../../engine/errors';
import type { Engine } from '../../engine/engine';
import type { Image } from '../../engine/image/image';
import { RESTYLE_DEFAULTS } from '../../engine/defaults';
import { GUIDE_MODES } from '../../engine/modes';
import { readStyle, writeStyle, type StyleInfo } from '../../engine/restyle/style-file';
import { bytesSource } from '../../engine/weights/source';

let engine: Engine;
let styles: Uint8Array[];
/** A style whose after image has this disc on this background. */
async function learned(disc: Paint, background: Paint, seed: number): Promise<Uint8Array> {
  const pair = { before: drawing(32, 32, RED, PALE), after: drawing(32, 32, disc, background) };
  const settings = { contentSteps: 2, steps: 24, rank: 4, learningRate: 0.05, seed };
  return (await engine.learn({ ...pair, ...settings, prompt: 'a disc', style: 'ink' })).style;
}
beforeAll(async () => {
  engine = await tinyEngine();
  styles = [await learned(BLUE, [170, 180, 190, 255], 1), await learned([20, 160, 60, 255], [250, 190, 150, 255], 2)];
});
afterAll(() => engine.dispose());

const bytes = ({ data }: Image): Uint8Array => new Uint8Array(data);

/** Mean absolute difference of colours, in grey levels. */
function distance(a: Image, b: Image): number {
  return a.data.reduce((sum, value, i) => sum + Math.abs(value - b.data[i]!), 0) / a.data.length;
}

test.each(
  GUIDE_MODES.flatMap((guide) =>
    [
      [32, 32],
      [97, 41],
      [20, 150],
      [300, 260],
    ].map(([w, h]) => [guide, w!, h!] as const),
  ),
)(
  'guide %s at strength 0 returns a %i x %i picture byte for byte, at strength 1 another of the same size and alpha',
  async (guide, width, height) => {
    const picture = drawing(width, height, [60, 120, 90, 200], CLEAR);
    const [still, styled] = [
      await engine.restyle({ image: picture, styles: [{ file: styles[0]!, strength: 0 }], guide, steps: 5 }),
      await engine.restyle({ image: picture, styles: [{ file: styles[0]!, strength: 1 }], guide, steps: 5 }),
    ];
    expect(bytes(still)).toEqual(bytes(picture));
    expect([styled.width, styled.height]).toEqual([width, height]);
    expect(bytes(styled)).not.toEqual(bytes(picture));
    // One assertion for all pixels: each costs jest some microseconds.
    const held = styled.data.filter((_, i) => i % 4 === 3 || picture.data[i | 3] === 0);
    expect(held).toEqual(picture.data.filter((_, i) => i % 4 === 3 || picture.data[i | 3] === 0));
  },
);

test.each(GUIDE_MODES)('guide %s approaches the original smoothly', async (guide) => {
  const picture = drawing(32, 32, BLUE, PALE);
  const distances: number[] = [];
  // Near 0: further up nothing obliges a random net to go on in one direction.
  for (const strength of [0.02, 0.1, 0.3]) {
    const styled = await engine.restyle({ image: picture, styles: [{ file: styles[0]!, strength }], guide, steps: 6 });
    distances.push(distance(styled, picture));
  }
  expect(distances[0]).toBeLessThan(0.25 * distances[2]!);
  expect([...distances].sort((a, b) => a - b)).toEqual(distances);
});

/** The style left to the net alone, with other words on how it is applied. */
async function said(style: Uint8Array, words: Partial<StyleInfo>): Promise<Uint8Array> {
  const { targets, info } = await readStyle(bytesSource('style', style));
  return writeStyle(targets, { ...info!, filter: null, ...words });
}

test.each(['style', 'scale'] as const)('guide %s: lambda is the strength times what the file says', async (guide) => {
  const picture = drawing(32, 32, BLUE, PALE);
  const at = async (scale: number, strength: number): Promise<Image> => {
    const file = await said(styles[0]!, { scale });
    return engine.restyle({ image: picture, styles: [{ file, strength }], guide, steps: 5 });
  };
  expect(bytes(await at(1.5, 0.5))).toEqual(bytes(await at(0.75, 1)));
  expect(bytes(await at(1.5, 0.5))).not.toEqual(bytes(await at(1.5, 1)));
});

test('styles blend: each strength counts, and a style at 0 does not', async () => {
  const picture = drawing(32, 32, RED, PALE);
  const restyle = (a: number, b: number): Promise<Image> =>
    engine.restyle({
      image: picture,
      steps: 5,
      styles: [
        { file: styles[0]!, strength: a },
        { file: styles[1]!, strength: b },
      ],
    });
  const alone = await engine.restyle({ image: picture, steps: 5, styles: [{ file: styles[0]!, strength: 0.8 }] });
  expect(distance(await restyle(0.8, 0), alone)).toBeLessThan(0.01);
  expect(distance(await restyle(0.8, 0.8), alone)).toBeGreaterThan(0.05);
  expect(bytes(await restyle(0, 0))).toEqual(bytes(picture));
});

test('a background that the pair leaves alone stays as it is, byte for byte', async () => {
  const picture = drawing(64, 64, [60, 120, 90, 255], PALE);
  const corner = ({ data }: Image): Uint8ClampedArray => data.subarray(0, 4 * 64 * 4);
  const restyle = (file: Uint8Array): Promise<Image> =>
    engine.restyle({ image: picture, steps: 5, styles: [{ file, strength: 2 }] });
  const held = await restyle(await learned(BLUE, PALE, 1));
  expect(corner(held)).toEqual(corner(picture));
  expect(bytes(held)).not.toEqual(bytes(picture));
  expect(corner(await restyle(styles[0]!))).not.toEqual(corner(picture));
});

test('a style that changes the background is restyled from further up than another, unless told', async () => {
  const picture = drawing(32, 32, RED, PALE);
  const file = await learned(BLUE, PALE, 1);
  const restyled = async (style: Uint8Array, start?: number): Promise<Image> =>
    engine.restyle({ image: picture, steps: 5, styles: [{ file: style, strength: 1 }], ...(start && { start }) });
  for (const [style, start] of [
    [await said(file, { backgroundExtent: 1 }), RESTYLE_DEFAULTS.backgroundStart],
    [file, RESTYLE_DEFAULTS.start],
  ] as const) {
    expect(bytes(await restyled(style))).toEqual(bytes(await restyled(style, start)));
    expect(bytes(await restyled(style))).not.toEqual(bytes(await restyled(style, 0.3)));
  }
});

test('the same request gives the same picture, and another strength reuses the inversion', async () => {
  const picture = drawing(48, 32, RED, BLUE);
  const phases: string[] = [];
  const hooks = { onProgress: ({ phase }: { phase: string }) => void phases.push(phase) };
  const first = await engine.restyle({ image: picture, styles: [{ file: styles[0]!, strength: 1 }], steps: 5 }, hooks);
  expect(phases).toContain('invert');
  phases.length = 0;
  const again = await engine.restyle({ image: picture, styles: [{ file: styles[0]!, strength: 1 }], steps: 5 }, hooks);
  expect(bytes(again)).toEqual(bytes(first));
  expect(phases).not.toContain('invert');
  // What is kept of a picture does not change what comes of it, nor does it pass for another picture's.
  const other = drawing(33, 33, BLUE, PALE);
  const otherwise = await engine.restyle({ image: other, styles: [{ file: styles[0]!, strength: 0 }], steps: 4 });
  expect(bytes(otherwise)).toEqual(bytes(other));
});

test('cancelling stops a restyle', async () => {
  const controller = new AbortController();
  const run = engine.restyle(
    { image: drawing(32, 32, RED, BLUE), styles: [{ file: styles[0]!, strength: 1 }], steps: 8 },
    {
      signal: controller.signal,
      onProgress: ({ phase, step }) => phase === 'restyle' && step === 1 && controller.abort(),
    },
  );
  await expect(run).rejects.toBeInstanceOf(CancelledError);
});

test('imagine makes a picture from a prompt, the same for the same seed, another with a style', async () => {
  const request = { prompt: 'a disc', steps: 4, seed: 5 };
  const [plain, again, styled] = [
    await engine.imagine({ ...request, styles: [] }),
    await engine.imagine({ ...request, styles: [] }),
    await engine.imagine({ ...request, styles: [{ file: styles[0]!, strength: 1 }] }),
  ];
  expect([plain.width, plain.height]).toEqual([32, 32]);
  expect(bytes(again)).toEqual(bytes(plain));
  expect(bytes(styled)).not.toEqual(bytes(plain));
});

test('a style of which this net lacks most modules is refused, unless forced; of half it acts, and how much is told', async () => {
  const { targets, info } = await readStyle(bytesSource('style', styles[0]!));
  const [name, target] = [...targets].find(([each]) => /_blocks\.\d+\./.test(each))!;
  const elsewhere = (...blocks: number[]): Uint8Array => {
    const more = blocks.map((at) => [name.replace(/_blocks\.\d+\./, `_blocks.${at}.`), target] as const);
    return writeStyle(new Map([[name, target], ...more]), info!, { keys: 'kohya' });
  };
  const restyled = (file: Uint8Array, force?: true): Promise<Image> =>
    engine.restyle({
      ...{ image: drawing(32, 32, RED, BLUE), styles: [{ file, strength: 1 }], steps: 2 },
      ...(force && { force }),
    });
  const few = /^the style: only 1 of 3 modules are applied; not applied: 2 not in this base model; choose a plain LoRA/;
  await expect(restyled(elsewhere(7, 8))).rejects.toThrow(few);
  await expect(engine.describeStyle('the style', elsewhere(7, 8))).rejects.toThrow(few);
  const alone = bytes(await restyled(elsewhere()));
  expect(bytes(await restyled(elsewhere(7, 8), true))).toEqual(alone);
  expect(bytes(await restyled(elsewhere(7)))).toEqual(alone);
  expect((await engine.describeStyle('s', elsewhere(7))).coverage).toEqual({
    ...{ applied: 1, modules: 2, notApplied: [{ reason: 'not in this base model', count: 1 }] },
  });
});

test('a LoRA for another net is refused in one line', async () => {
  const info = {
    style: 's',
    prompt: '',
    stylePrompt: 's',
    mode: 'pair',
    scale: 1,
    backgroundExtent: null,
    filter: null,
    modelFingerprint: 'f',
    eightBit: false,
    baseModel: 'm',
    baseModelVersion: 'sd_v1',
    seed: 0,
    steps: 1,
    learningRate: 1,
  };
  const target = (name: string, width: number): Uint8Array =>
    writeStyle(
      new Map([
        [
          name,
          {
            rank: 2,
            alpha: 2,
            a: new Float32Array(2 * width),
            b: new Float32Array(2 * width),
            inFeatures: width,
            outFeatures: width,
          },
        ],
      ]),
      info,
    );
  const inNet = 'mid_block.attentions.0.transformer_blocks.0.attn1.to_q';
  for (const file of [target(inNet, 320), target('down_blocks.3.attentions.9.transformer_blocks.0.attn1.to_q', 32)]) {
    const run = engine.restyle({ image: drawing(32, 32, RED, BLUE), styles: [{ file, strength: 1 }] });
    await expect(run).rejects.toBeInstanceOf(InputError);
    await expect(run).rejects.toThrow(/is for another base model|not in this base model/);
  }
});

test.each([
  ['no style', { styles: [] }, /no style is given/],
  ['a strength that is no number', { styles: [{ file: new Uint8Array(), strength: NaN }] }, /strength is NaN/],
  ['a file that is no LoRA', { styles: [{ file: new Uint8Array(100), strength: 1 }] }, /the style/],
  ['a start above 1', { start: 1.5 }, /start is 1.5/],
  ['no steps', { steps: 0 }, /steps is 0/],
])('%s is refused in one line', async (_, change, message) => {
  const run = engine.restyle({
    image: drawing(32, 32, RED, BLUE),
    styles: [{ file: styles[0]!, strength: 1 }],
    ...change,
  });
  await expect(run).rejects.toBeInstanceOf(InputError);
  await expect(run).rejects.toThrow(message);
  await run.catch((error: Error) => expect(error.message).not.toContain('\n'));
});
