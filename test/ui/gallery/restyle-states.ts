/** Every state of restyling, tuning, blending and imagining. */
import type { ResultParameters } from '../../../common/messages';
import type { Desk } from '../desk';
import { PICTURES } from './pictures';
import { afterwards, layers, never, openStage, pause, resultNode, type ResultId, type StageOptions } from './stage';

const RESTYLE = { command: { name: 'restyle', styleId: null, strength: null } } as const;

async function queued(count: number, options: StageOptions = {}): Promise<Desk> {
  const desk = await openStage({ ...RESTYLE, ...options, nodes: layers(count, 2) });
  desk.app.choice.only('ink');
  desk.app.restyleSelection();
  await pause(200);
  return desk;
}

const holdAfter =
  (count: number): NonNullable<StageOptions['prepare']> =>
  ({ engine }) => {
    engine.onRestyle = () => (engine.restyled.length > count ? never() : undefined);
  };

const OUT_OF_MEMORY: NonNullable<StageOptions['prepare']> = ({ engine }) => {
  engine.onRestyle = () => {
    throw new Error('the device ran out of memory; close other tabs or restyle a smaller layer');
  };
};

const FULL_DOCUMENT: NonNullable<StageOptions['prepare']> = ({ sandbox }) => {
  sandbox.documentFull = true;
};

/** Leaves what a run was interrupted with. */
function interrupt(sandbox: Desk['sandbox']): void {
  const recipe = { styles: [{ id: 'ink', name: 'Ink', strength: 1 }], prompt: '', guide: 'style', steps: 20 } as const;
  sandbox.batch = {
    ...{ version: 1, recipe: { ...recipe, styles: [...recipe.styles], seed: 0 }, all: 24, done: 11 },
    startedAt: '2026-01-01T09:30:00Z',
    left: Array.from({ length: 13 }, (_, i) => ({ id: `layer-${i + 11}`, name: `icon/${i + 11}`, index: i + 11 })),
    failed: [
      { id: 'layer-3', name: 'icon/3', reason: 'The device ran out of memory; restyle a smaller layer' },
      { id: 'layer-7', name: 'icon/7', reason: 'This layer is too thin.' },
    ],
  };
}

async function tuned(id: ResultId, options: StageOptions = {}, more: Partial<ResultParameters> = {}): Promise<Desk> {
  const desk = await openStage({
    ...options,
    prepare: (parts) => {
      const result = parts.sandbox.results.get(id)!;
      result.parameters = { ...result.parameters, ...more };
      options.prepare?.(parts);
    },
  });
  desk.select(resultNode(id, more));
  desk.app.show('restyle');
  await pause(50);
  return desk;
}

async function released(options: StageOptions): Promise<Desk> {
  const desk = await tuned('robot – Ink + Neon', options);
  void desk.app.tuning.session.value!.release(0, 0.8);
  return desk;
}

async function imagined(options: StageOptions = {}): Promise<Desk> {
  const desk = await openStage(options);
  const { imagining, choice, show } = desk.app;
  show('imagine');
  choice.only('ink');
  imagining.prompt.value = 'a koala';
  void imagining.start(choice.chosen.value);
  return desk;
}

export const RESTYLE_STATES = {
  'restyle-no-styles': () => openStage({ ...RESTYLE, styles: false }),
  'restyle-empty': () => openStage(RESTYLE),
  'restyle-ready': () => openStage({ ...RESTYLE, nodes: layers(3, 2) }),
  'restyle-blend': async () => {
    const desk = await openStage({ ...RESTYLE, nodes: layers(1, -1) });
    desk.app.choice.only('ink', 1.2);
    desk.app.choice.toggle('neon');
    desk.app.choice.setStrength('neon', 0.45);
    return desk;
  },
  'restyle-busy': () => queued(10, { prepare: holdAfter(4) }),
  'restyle-cancelled': async () => {
    const desk = await queued(6, { prepare: holdAfter(2) });
    desk.app.queue.cancelAll();
    return desk;
  },
  'restyle-failed': () => queued(3, { prepare: OUT_OF_MEMORY }),
  'restyle-unplaced': () => queued(3, { prepare: FULL_DOCUMENT }),
  'restyle-done': () => queued(4),
  'restyle-frames': async () => {
    const desk = await openStage({
      ...RESTYLE,
      prepare: ({ sandbox }) => {
        for (let i = 0; i < 24; i++) sandbox.frames.set(`layer-${i}`, `icon/${i}`);
      },
    });
    await desk.app.frames.open();
    desk.app.frames.change({ where: 'file', name: 'icon/', section: 'Icons' });
    return desk;
  },
  'restyle-frames-left': () => openStage({ ...RESTYLE, prepare: ({ sandbox }) => interrupt(sandbox) }),
  'restyle-frames-other': async () => {
    const desk = await openStage({
      ...RESTYLE,
      prepare: ({ sandbox }) => {
        interrupt(sandbox);
        for (let i = 0; i < 12; i++) sandbox.frames.set(`layer-${i}`, `icon/${i}`);
      },
    });
    desk.app.choice.only('ink');
    await desk.app.frames.open();
    desk.app.restyleFrames();
    await pause(100);
    afterwards((document) => [...document.querySelectorAll('.message')].at(-1)!.scrollIntoView());
    return desk;
  },
};

export const TUNE_STATES = {
  'tune-one': () => tuned('robot – Ink'),
  'tune-blend': () => tuned('robot – Ink + Neon'),
  'tune-more': async () => {
    const desk = await tuned('robot – Ink + Neon', {}, { guide: 'sdedit' });
    afterwards((document) => (document.querySelector('details')!.open = true));
    return desk;
  },
  'tune-busy': () => released({ prepare: ({ engine }) => (engine.onRestyle = never) }),
  'tune-failed': () => released({ prepare: OUT_OF_MEMORY }),
  'tune-missing': () => tuned('robot – Marker'),
};

export const IMAGINE_STATES = {
  'imagine-empty': async () => {
    const desk = await openStage({ styles: false });
    desk.app.show('imagine');
    return desk;
  },
  'imagine-busy': () =>
    imagined({
      prepare: ({ engine }) => {
        engine.imagine = (_, hooks) => {
          hooks?.onProgress?.({ phase: 'restyle', step: 9, steps: 25 });
          return never();
        };
      },
    }),
  'imagine-done': () => imagined({ prepare: ({ engine }) => (engine.imagine = async () => PICTURES.koala) }),
  'imagine-failed': () =>
    imagined({
      prepare: ({ engine }) => {
        engine.imagine = () => Promise.reject(new Error('the graphics card was lost; try again'));
      },
    }),
  'imagine-unplaced': () =>
    imagined({
      prepare: (parts) => {
        FULL_DOCUMENT(parts);
        parts.engine.imagine = async () => PICTURES.koala;
      },
    }),
};
