/** The panel over the tests' stand-ins for the editor and the engine, with styles, layers and results to show. */
import type { NodeSummary, ResultParameters } from '../../../common/messages';
import { openDesk, type Desk } from '../desk';
import { node } from '../fake-sandbox';
import { BY_PAIR, inInk, PICTURES, thumbnails } from './pictures';

type DeskOptions = NonNullable<Parameters<typeof openDesk>[0]>;

export interface StageOptions extends DeskOptions {
  /** Whether the library has any. */
  readonly styles?: boolean;
}

export const never = (): Promise<never> => new Promise(() => undefined);
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const PAIR = [node('before', 'teddy-bear / flat', { x: 0 }), node('after', 'teddy-bear / ink', { x: 200 })];
export const THIRD = node('koala', 'koala', { x: 400 });
const HIDDEN = { obstacle: 'This layer is hidden. Show it first.' };

/** Layers to restyle, one of which cannot be drawn. */
export function layers(count: number, hidden: number): NodeSummary[] {
  const names = ['robot', 'koala', 'sunflower'] as const;
  return Array.from({ length: count }, (_, i) =>
    node(`layer-${i}`, `${names[i % 3]} ${1 + Math.floor(i / 3)}`, i === hidden ? HIDDEN : {}),
  );
}

const applied = (id: string, name: string, strength: number) => ({ id, name, strength });

/** Styles of the results, by the layers' names. */
export const RESULTS = {
  'robot – Ink': [applied('ink', 'Ink', 1)],
  'robot – Ink + Neon': [applied('ink', 'Ink', 1.2), applied('neon', 'Neon', 0.4)],
  'robot – Marker': [applied('marker', 'Marker', 1)],
} as const;

export type ResultId = keyof typeof RESULTS;

function parametersOf(id: ResultId, more: Partial<ResultParameters> = {}): ResultParameters {
  const model = { name: 'tiny', fingerprint: 'f00d' };
  const rest = { prompt: '', guide: 'style', steps: 20, seed: 0, sourceId: 'robot', model } as const;
  return { version: 1, kind: 'restyled', styles: [...RESULTS[id]], ...rest, ...more };
}

/** A result as it is selected. */
export function resultNode(id: ResultId, more: Partial<ResultParameters> = {}): NodeSummary {
  const parameters = parametersOf(id, more);
  return node(id, id, { result: parameters });
}

export async function openStage({ styles = true, prepare, ...options }: StageOptions = {}): Promise<Desk> {
  const thumbs = await thumbnails();
  const styled = await inInk(PICTURES.robot);
  return openDesk({
    ...options,
    prepare: (parts) => {
      const { sandbox, engine } = parts;
      engine.thumbnail = async () => thumbs.ink;
      engine.showPair = async ({ picture }) => (picture === PICTURES.koala ? BY_PAIR.koala : BY_PAIR.before);
      for (const [id, picture] of Object.entries(PICTURES)) sandbox.layers.set(id, picture);
      for (let i = 0; i < 20; i++) {
        const which = (['robot', 'koala', 'sunflower'] as const)[i % 3]!;
        sandbox.layers.set(`layer-${i}`, PICTURES[which]);
      }
      for (const id of Object.keys(RESULTS) as ResultId[]) {
        sandbox.results.set(id, { original: PICTURES.robot, styled, parameters: parametersOf(id) });
      }
      if (styles) {
        const shared = { inLibrary: true };
        const other = { name: 'stable-diffusion-v1-5', fingerprint: 'beef' };
        sandbox.addStyle('clay', 'Clay', 'document', { bytes: 2_400_000, model: other, thumbnail: thumbs.clay });
        sandbox.addStyle('neon', 'Neon', 'document', {
          prompt: 'koala',
          bytes: 945_000,
          thumbnail: thumbs.neon,
          ...shared,
        });
        sandbox.addStyle('ink', 'Ink', 'library', { prompt: 'teddy bear', bytes: 945_000, thumbnail: thumbs.ink });
      }
      prepare?.(parts);
    },
  });
}

/** Does something in the panel's document once it is on screen. */
export function afterwards(act: (document: Document) => void): void {
  setTimeout(() => act(document), 200);
}
