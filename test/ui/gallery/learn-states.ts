/** Every state of choosing a pair and of learning from it. */
import type { LossPoint, PairVerdict } from '../../../engine/requests';
import type { Desk } from '../desk';
import { GOOD_PAIR, type FakeEngine } from '../fake-engine';
import { afterwards, never, openStage, PAIR, pause, THIRD, type StageOptions } from './stage';

const LEARN = { command: { name: 'learn' } } as const;

const UNRELATED: PairVerdict = {
  ...GOOD_PAIR,
  usable: false,
  verdict: 'The two images have little in common; learn from two versions of one drawing.',
  problems: ['unrelated'],
};

export const PAIR_STATES = {
  'pair-empty': () => openStage({ styles: false }),
  'pair-one': () => openStage({ ...LEARN, nodes: PAIR.slice(0, 1) }),
  'pair-three': () => openStage({ ...LEARN, nodes: [...PAIR, THIRD] }),
  'pair-checking': () => openStage({ nodes: PAIR, prepare: ({ engine }) => (engine.check = never) }),
  'pair-good': () => openStage({ nodes: PAIR }),
  'pair-reading': () => openStage({ nodes: PAIR, prepare: ({ engine }) => (engine.showPair = never) }),
  'pair-bad': () => openStage({ nodes: PAIR, prepare: ({ engine }) => (engine.verdict = UNRELATED) }),
  'pair-failed': () =>
    openStage({
      nodes: PAIR,
      prepare: ({ engine }) => {
        engine.check = () => Promise.reject(new Error('the before image is a damaged PNG file; export it again'));
      },
    }),
  'pair-sample': async () => {
    const desk = await openStage({ ...LEARN, nodes: [...PAIR, THIRD] });
    desk.app.pair.takeOffer();
    return desk;
  },
  'pair-advanced': async () => {
    const desk = await openStage({ nodes: PAIR });
    afterwards((document) => {
      document.querySelector('details')!.open = true;
      document.querySelector('.body')!.scrollTop = 1e4;
    });
    return desk;
  },
};

/** Losses as they look: noisy, and falling. The same every time. */
function lossAt(step: number, contentSteps: number): LossPoint {
  const noise = (at: number): number => 0.2 * (0.5 + 0.5 * Math.sin(12.9898 * at * at)) ** 3;
  const content = 0.2 + 0.5 * Math.exp(-step / 60) + noise(step);
  const style = step > contentSteps ? 0.25 + 0.6 * Math.exp((60 - step) / 80) + noise(step + 7) : null;
  return { step, content, style };
}

function likeReal(engine: FakeEngine): void {
  const learn = engine.learn.bind(engine);
  engine.learn = async (job, hooks = {}) => {
    const learned = await learn(job, {
      ...hooks,
      onProgress: (progress) => hooks.onProgress?.({ ...progress, loss: lossAt(progress.step, job.contentSteps) }),
    });
    return { ...learned, losses: learned.losses.map(({ step }) => lossAt(step, job.contentSteps)) };
  };
}

async function learning(options: StageOptions = {}, sample = false): Promise<Desk> {
  const desk = await openStage({
    ...options,
    nodes: sample ? [...PAIR, THIRD] : PAIR,
    prepare: (parts) => {
      likeReal(parts.engine);
      options.prepare?.(parts);
    },
  });
  const { pair, learning: flow, show } = desk.app;
  show('learn');
  if (sample) pair.takeOffer();
  await pause(50);
  const settings = { ...pair.settings.value, sampleEvery: 20 };
  void flow.start({ roles: pair.roles.value!, prompt: 'teddy bear', style: 'Ink', settings, force: false });
  return desk;
}

const stopAt =
  (last: number): NonNullable<StageOptions['prepare']> =>
  ({ engine }) => {
    engine.onStep = (step) => (step >= last ? never() : undefined);
  };

const failAt: NonNullable<StageOptions['prepare']> = ({ engine }) => {
  engine.onStep = (step) => {
    if (step < 41) return;
    throw new Error('learning diverged at step 41 (the loss is not finite); lower the learning rate');
  };
};

async function ended(options: StageOptions = {}): Promise<Desk> {
  const desk = await learning(options);
  while (!['done', 'unsaved'].includes(desk.app.learning.state.value.at)) await pause(20);
  return desk;
}

async function paused(): Promise<Desk> {
  const desk = await learning();
  desk.engine.onStep = (step) => {
    if (step === 120) desk.app.learning.pause();
  };
  return desk;
}

async function kept(): Promise<Desk> {
  const desk = await openStage({ nodes: PAIR });
  const { pair, learning: flow } = desk.app;
  await pause(50);
  await flow.keepPair({ roles: pair.roles.value!, style: 'Ink', force: false });
  return desk;
}

export const LEARN_STATES = {
  'learn-preparing': () => learning({ prepare: ({ engine }) => (engine.learn = never) }),
  'learn-running': () => learning({ prepare: stopAt(143) }, true),
  'learn-elsewhere': async () => {
    const desk = await learning({ prepare: stopAt(143) });
    desk.app.show('library');
    return desk;
  },
  'learn-paused': paused,
  'learn-cancelled': async () => {
    const desk = await paused();
    while (desk.app.learning.state.value.at !== 'paused') await pause(20);
    await desk.app.learning.discard();
    return desk;
  },
  'learn-failed': () => learning({ prepare: failAt }),
  'learn-done': () => ended(),
  'learn-kept': kept,
  'learn-unsaved': () => ended({ prepare: ({ sandbox }) => (sandbox.quota = 824_004) }),
};
