/** Every state of starting, of the library and of the base model. */
import type { ModelFacts } from '../../../ui/ports';
import type { Desk } from '../desk';
import { MODEL } from '../fake-engine';
import { afterwards, never, openStage, type StageOptions } from './stage';

async function library(options: StageOptions = {}): Promise<Desk> {
  const desk = await openStage(options);
  desk.app.show('library');
  return desk;
}

export const START_STATES = {
  'start-failed': () =>
    openStage({
      prepare: ({ sandbox }) => {
        sandbox.before = (call) => {
          if (call === 'hello') throw new Error('Figma did not answer in time (hello); try again');
        };
      },
    }),
  'start-fallback': () => openStage({ fallback: true }),
};

export const LIBRARY_STATES = {
  'library-empty': () => library({ styles: false }),
  'library-full': () => library({ prepare: ({ sandbox }) => (sandbox.quota = 2_000_000) }),
  library: () => library(),
  'library-menu': async () => {
    const desk = await library();
    afterwards((document) => document.querySelectorAll<HTMLElement>('.style-row .icon-button')[1]!.click());
    return desk;
  },
  'library-deleted': async () => {
    const desk = await library();
    await desk.app.library.remove('ink', 'library');
    return desk;
  },
  'library-where-used': async () => {
    const desk = await library();
    await desk.app.library.findUses('ink');
    return desk;
  },
  'library-failed': () =>
    library({
      prepare: ({ sandbox }) => {
        sandbox.before = (call) => {
          if (call === 'listStyles') throw new Error('Figma did not answer in time (listStyles); try again');
        };
      },
    }),
};

const TURBO: ModelFacts = { name: 'hub:stabilityai/sd-turbo', bytes: 1.72e9, have: 0 };
const HALF: ModelFacts = { ...TURBO, name: 'hub:stabilityai/stable-diffusion-2-1', bytes: 2.6e9, have: 0.9e9 };

async function model(options: StageOptions = {}): Promise<Desk> {
  const desk = await openStage({
    ...options,
    prepare: (parts) => {
      parts.models.look = async () => TURBO;
      parts.engine.needed = { learn: 5.6e9, restyle: 2.5e9 };
      parts.models.machine = async () => ({ gpu: options.build === 'hosted' ? 'Apple M2' : null, memory: 8e9 });
      options.prepare?.(parts);
    },
  });
  desk.app.show('model');
  return desk;
}

/** On the graphics card, once the built-in model that opens by itself is there. */
async function hosted(prepare?: StageOptions['prepare']): Promise<Desk> {
  const desk = await model({ build: 'hosted', ...(prepare && { prepare }) });
  await desk.app.services.model.ready();
  const device = { kind: 'webgpu', name: 'Apple M2', threads: 1, f16: true } as const;
  desk.engine.status.value = { state: 'ready', description: { ...MODEL, device } };
  return desk;
}

export const MODEL_STATES = {
  'model-embedded': () => model(),
  'model-opening': async () => {
    const desk = await model({ prepare: ({ engine }) => (engine.open = never) });
    desk.engine.status.value = { state: 'opening', model: 'embedded' };
    return desk;
  },
  'model-hosted': () => hosted(({ models }) => (models.stored = [{ ...TURBO, have: TURBO.bytes }, HALF])),
  'model-offered': async () => {
    const desk = await hosted();
    await desk.app.models.look('stabilityai/sd-turbo');
    return desk;
  },
  'model-fetching': async () => {
    const desk = await hosted(({ models }) => {
      models.fetch = (_, { onProgress }) => {
        onProgress?.(0.62e9, TURBO.bytes);
        return never();
      };
    });
    await desk.app.models.look('stabilityai/sd-turbo');
    void desk.app.models.fetch();
    return desk;
  },
  'model-failed': async () => {
    const desk = await hosted();
    const message = 'unet/config.json is missing; use a folder in diffusers format';
    desk.engine.status.value = { state: 'failed', model: 'hub:organisation/name', message };
    await desk.app.models.look('not a name');
    return desk;
  },
};
