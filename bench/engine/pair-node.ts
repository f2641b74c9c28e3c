/** The Node side of pair.mjs. */
import { Engine } from '../../engine/engine';
import type { Image } from '../../engine/image/image';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { nodeFolder } from '../../engine/weights/node-folder';
import { drawing, pairTimes, restyleTimes } from './pair-times';

const processor = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
};

async function opened(model: string, threads: number) {
  const [started, used] = [performance.now(), processor()];
  const engine = await Engine.open(await nodeFolder(model), nodeBackend, { threads });
  return { engine, opening: { wall: performance.now() - started, processor: processor() - used } };
}

/** Restyling by pairs alone. */
export async function pairs(model: string, threads: number, side: number, rounds: number) {
  const { engine, opening } = await opened(model, threads);
  const times = await pairTimes(engine, side, rounds, processor);
  await engine.dispose();
  return { opening, ...times };
}

/** A learned style on the diffusion model, of one step of learning: restyling takes as long as with a whole one. */
export async function learned(model: string, threads: number, side: number, rounds: number) {
  const { engine, opening } = await opened(model, threads);
  const pair: Record<'before' | 'after', Image> = { before: drawing(side, 0), after: drawing(side, 1) };
  const settings = { prompt: '', style: 'x', steps: 1, contentSteps: 0, mode: 'paper', force: true } as const;
  const { style: file } = await engine.learn({ ...pair, ...settings });
  const request = (round: number, strength: number) => ({
    image: drawing(side, 3 * round + 2),
    styles: [{ file, strength }],
  });
  const times = await restyleTimes(engine, rounds, request, processor);
  await engine.dispose();
  return { opening, ...times };
}
