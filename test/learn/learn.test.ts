/** Learning end to end on a tiny random model: state, modes, cancel and resume, divergence. */
import { BLUE, PALE, RED, drawing, tinyEngine } from '../support/tiny-engine';
import { CancelledError, InputError } from '../../engine/errors';
import { LEARN_MODES, type LearnMode } from '../../engine/modes';
import { readStyle, writeStyle } from '../../engine/restyle/style-file';
import type { Engine } from '../../engine/engine';
import { image } from '../../engine/image/image';
import type { LearnRequest, LearnResult, Progress } from '../../engine/requests';
import { openSafetensors, writeSafetensors, readFloats } from '../../engine/weights/safetensors';
import { bytesSource } from '../../engine/weights/source';

const REQUEST: LearnRequest = {
  before: drawing(32, 32, RED, PALE),
  after: drawing(32, 32, BLUE, PALE),
  prompt: 'a disc',
  style: 'blue',
  contentSteps: 2,
  steps: 4,
  rank: 4,
  learningRate: 0.01,
  seed: 3,
};

let engine: Engine;
beforeAll(async () => {
  engine = await tinyEngine();
});
afterAll(() => engine.dispose());

const known = new Map<LearnMode, Promise<LearnResult>>();

/** What REQUEST gives in a mode, learned once for all tests that only read it. */
function learned(mode: LearnMode = 'pair'): Promise<LearnResult> {
  const result = known.get(mode) ?? engine.learn({ ...REQUEST, mode });
  known.set(mode, result);
  return result;
}

const adapterOf = (bytes: Uint8Array) => readStyle(bytesSource('style', bytes));

test('the style file holds the orthonormal rows, trained ups, and how it was made', async () => {
  const { style, losses, steps } = await learned();
  const { targets, info, ignored } = await adapterOf(style);
  expect(ignored).toEqual([]);
  expect(steps).toBe(6);
  expect(losses.map(({ content, style: s }) => [content !== null, s !== null])).toEqual([
    [true, false],
    [true, false],
    [true, true],
    [true, true],
    [true, true],
    [true, true],
  ]);
  expect(info).toMatchObject({
    style: 'blue',
    prompt: 'a disc',
    stylePrompt: 'a disc',
    mode: 'pair',
    seed: 3,
  });
  expect(targets.size).toBe(3 * 8 + 8); // one attention block down, one in the middle, two up
  for (const { rank, a, b, inFeatures } of targets.values()) {
    expect(rank).toBe(4);
    for (let i = 0; i < rank; i++) {
      for (let j = 0; j < rank; j++) {
        let dot = 0;
        for (let k = 0; k < inFeatures; k++) dot += a[i * inFeatures + k]! * a[j * inFeatures + k]!;
        expect(dot).toBeCloseTo(i === j ? 1 : 0, 5);
      }
    }
    expect(b.some((value) => value !== 0)).toBe(true);
  }
});

test('content and style rows stay orthogonal through training, and both adapters learn', async () => {
  let checkpoint: Uint8Array | undefined;
  const onProgress = (progress: Progress): void => {
    checkpoint = progress.checkpoint ?? checkpoint;
  };
  const { style } = await engine.learn({ ...REQUEST, checkpointEvery: 1 }, { onProgress });
  const file = await openSafetensors(bytesSource('checkpoint', checkpoint!));
  for (const name of ['content.up', 'style.up'])
    expect((await readFloats(file, name)).some((value) => value !== 0)).toBe(true);
  const { downProjections } = await import('../../engine/learn/adapters');
  const { makeRecipe } = await import('../../engine/learn/recipe');
  const { targets } = await adapterOf(style);
  const down = downProjections(
    makeRecipe(REQUEST),
    [...targets].map(([name, { inFeatures, outFeatures }]) => ({ name, inFeatures, outFeatures })),
  );
  for (const [name, { a, inFeatures, outFeatures }] of targets) {
    const content = down('content', { name, inFeatures, outFeatures });
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < 4; j++) {
        let dot = 0;
        for (let k = 0; k < inFeatures; k++) dot += content[i * inFeatures + k]! * a[j * inFeatures + k]!;
        expect(Math.abs(dot)).toBeLessThan(1e-6);
      }
    }
  }
});

test.each(LEARN_MODES)('mode %s learns, the same for the same seed', async (mode) => {
  const [first, second, other] = [
    await learned(mode),
    await engine.learn({ ...REQUEST, mode }),
    await engine.learn({ ...REQUEST, mode, seed: 4 }),
  ];
  expect(first.style).toEqual(second.style);
  expect(first.losses).toEqual(second.losses);
  expect(first.style).not.toEqual(other.style);
});

test("our mode learns another style than the paper's losses, and a checkpoint of one is none of the other", async () => {
  let checkpoint: Uint8Array | undefined;
  const onProgress = (progress: Progress): void => void (checkpoint = progress.checkpoint ?? checkpoint);
  const [ours, paper] = [
    await engine.learn({ ...REQUEST, checkpointEvery: 1 }, { onProgress }),
    await learned('paper'),
  ];
  expect(ours.losses[2]!.style).not.toBe(paper.losses[2]!.style);
  const [a, b] = [(await adapterOf(ours.style)).targets, (await adapterOf(paper.style)).targets];
  for (const [name, target] of a) {
    expect(target.a).toEqual(b.get(name)!.a);
    expect(target.b).not.toEqual(b.get(name)!.b);
  }
  await expect(engine.learn({ ...REQUEST, mode: 'paper', resume: checkpoint! })).rejects.toThrow(/another run/);
});

test.each([
  ['pair', null, 'a disc'],
  ['paper', 2, 'a disc in blue style'],
  ['no-content', null, 'a disc'],
  ['no-ortho', null, 'a disc'],
  ['addift', 1, 'a disc'],
] as const)('a style of mode %s says that it is applied at lambda %p under "%s"', async (mode, scale, stylePrompt) => {
  const info = (await adapterOf((await learned(mode)).style)).info!;
  expect(info).toMatchObject({ mode, prompt: 'a disc', stylePrompt });
  if (scale !== null) expect(info.scale).toBe(scale);
});

test('lambda is fitted: what it makes of the before image at lambda 1 says how far that falls short of the after image', async () => {
  const { before, prompt } = REQUEST;
  const closer = before.data.map((value, i) => value + 0.1 * (REQUEST.after.data[i]! - value));
  const after = image(before.width, before.height, closer);
  const { style } = await engine.learn({ ...REQUEST, after, learningRate: 0.1, steps: 6, force: true });
  const { info, targets } = await adapterOf(style);
  const asLearned = writeStyle(targets, { ...info!, scale: 1 });
  const restyled = await engine.restyle({ image: before, styles: [{ file: asLearned, strength: 1 }], prompt });
  let [along, length] = [0, 0];
  before.data.forEach((value, i) => {
    const change = restyled.data[i]! - value;
    along += change * (after.data[i]! - value);
    length += change * change;
  });
  expect(info!.scale).toBeCloseTo(along / length, 2);
});

test('a run cancelled while its strength is fitted hands over all of its steps', async () => {
  const unbroken = await learned();
  const controller = new AbortController();
  let checkpoint: Uint8Array | undefined;
  const onProgress = (progress: Progress): void => {
    checkpoint = progress.checkpoint ?? checkpoint;
    if (progress.phase === 'learn' && progress.step === 6) controller.abort();
  };
  await expect(engine.learn(REQUEST, { onProgress, signal: controller.signal })).rejects.toBeInstanceOf(CancelledError);
  const steps: number[] = [];
  const again = { onProgress: ({ phase, step }: Progress) => void (phase === 'learn' && steps.push(step)) };
  expect((await engine.learn({ ...REQUEST, resume: checkpoint! }, again)).style).toEqual(unbroken.style);
  expect(steps).toEqual([]);
});

test('a cancelled run hands over a checkpoint, and resuming it gives what an unbroken run gives', async () => {
  const unbroken = await learned();
  for (const stopAfter of [1, 4]) {
    const controller = new AbortController();
    let checkpoint: Uint8Array | undefined;
    const onProgress = (progress: Progress): void => {
      checkpoint = progress.checkpoint ?? checkpoint;
      if (progress.phase === 'learn' && progress.step === stopAfter) controller.abort();
    };
    await expect(engine.learn(REQUEST, { onProgress, signal: controller.signal })).rejects.toBeInstanceOf(
      CancelledError,
    );
    expect(checkpoint).toBeDefined();
    const resumed = await engine.learn({ ...REQUEST, resume: checkpoint! });
    expect(resumed.style).toEqual(unbroken.style);
    expect(resumed.losses).toEqual(unbroken.losses);
    await expect(engine.learn({ ...REQUEST, learningRate: 0.02, resume: checkpoint! })).rejects.toThrow(/another run/);
  }
  await expect(engine.learn({ ...REQUEST, resume: new Uint8Array(40) })).rejects.toBeInstanceOf(InputError);
});

test('a pair of two layouts is learned from when forced, and of two shapes never', async () => {
  const stripes = drawing(32, 32, PALE, PALE);
  for (let i = 0; i < stripes.data.length; i += 4) if ((i >> 4) % 4 === 0) stripes.data.set([0, 0, 0, 255], i);
  const apart = { ...REQUEST, after: stripes };
  await expect(engine.learn(apart)).rejects.toThrow(/do not show the same layout/);
  expect((await engine.learn({ ...apart, force: true })).steps).toBe(6);
  const long = { ...REQUEST, after: drawing(64, 16, RED, PALE), force: true };
  await expect(engine.learn(long)).rejects.toThrow(/differ in shape/);
});

test('style files can be half as large, and checkpoints come by the clock', async () => {
  const checkpoints: number[] = [];
  const full = await engine.learn(
    { ...REQUEST, checkpointSeconds: 0 },
    { onProgress: ({ checkpoint, step }) => void (checkpoint && checkpoints.push(step)) },
  );
  expect(checkpoints).toEqual([1, 2, 3, 4, 5]);
  const half = await engine.learn({ ...REQUEST, file: { dtype: 'F16' } });
  expect(half.style.length).toBeLessThan(0.7 * full.style.length);
  const [a, b] = [(await adapterOf(full.style)).targets, (await adapterOf(half.style)).targets];
  for (const [name, target] of a) {
    const worst = target.b.reduce((most, value, i) => Math.max(most, Math.abs(value - b.get(name)!.b[i]!)), 0);
    expect(worst).toBeLessThan(1e-3);
  }
  // Of the model's folder the file names the last part only, and the family.
  const { metadata } = await adapterOf(half.style);
  expect(metadata).toMatchObject({ ss_sd_model_name: 'tiny-model', ss_base_model_version: 'sd_small' });
});

test('samples are handed over while learning', async () => {
  const samples: Progress[] = [];
  await engine.learn(
    { ...REQUEST, sampleImage: drawing(40, 20, BLUE, PALE), sampleEvery: 2 },
    { onProgress: (progress) => void (progress.sample && samples.push(progress)) },
  );
  expect(samples.map(({ step, sample }) => [step, sample!.width, sample!.height])).toEqual([
    [2, 40, 20],
    [4, 40, 20],
  ]);
});

test('a loss that is not finite stops the run and hands over the last sound state', async () => {
  const controller = new AbortController();
  let checkpoint: Uint8Array | undefined;
  const keep = (progress: Progress): void => {
    checkpoint = progress.checkpoint ?? checkpoint;
    if (progress.phase === 'learn' && progress.step === 3) controller.abort();
  };
  await engine.learn(REQUEST, { onProgress: keep, signal: controller.signal }).catch(() => undefined);
  const file = await openSafetensors(bytesSource('checkpoint', checkpoint!));
  const tensors = await Promise.all(
    [...file.tensors.values()].map(async ({ name, shape }) => {
      const data = await readFloats(file, name);
      return { name, dtype: 'F32' as const, shape, data: name === 'style.up' ? data.map(() => 3e37) : data };
    }),
  );
  const poisoned = writeSafetensors(tensors, file.metadata);
  let last: Uint8Array | undefined;
  const run = engine.learn(
    { ...REQUEST, resume: poisoned },
    { onProgress: (progress) => void (last = progress.checkpoint ?? last) },
  );
  await expect(run).rejects.toThrow(/^learning diverged at step 4 of 6 .*lower the learning rate/);
  const saved = await openSafetensors(bytesSource('last', last!));
  expect(saved.metadata['step']).toBe('3');
  expect(await readFloats(saved, 'content.up')).toEqual(tensors.find(({ name }) => name === 'content.up')!.data);
});

test.each([
  ['identical images', { after: REQUEST.before }, /identical|same/],
  ['a rank past the narrowest layer', { rank: 9 }, /rank: .* width 16; use a rank of at most 8/],
  ['no steps', { steps: 0 }, /steps is 0; use a whole number from 1/],
  ['a negative learning rate', { learningRate: -1 }, /learning rate is -1/],
  ['an image of one pixel', { before: drawing(1, 1, RED, PALE) }, /before image is 1 x 1 px; use an image of at least/],
  ['a ribbon', { after: drawing(900, 4, RED, PALE) }, /900 x 4 px/],
])('%s is refused in one line', async (_, change, message) => {
  const run = engine.learn({ ...REQUEST, ...change });
  await expect(run).rejects.toBeInstanceOf(InputError);
  await expect(run).rejects.toThrow(message);
  await run.catch((error: Error) => expect(error.message).not.toContain('\n'));
});

test('everything on the device is given back', async () => {
  const own = await tinyEngine();
  await own.learn(REQUEST);
  await own.restyle({ image: REQUEST.before, styles: [{ file: (await own.learn(REQUEST)).style, strength: 1 }] });
  await own.dispose();
  expect(own.memory().tensors).toBe(0);
  expect(own.memory().programs).toBe(0);
});
