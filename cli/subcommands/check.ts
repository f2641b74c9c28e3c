/** `diptych check`: do two images make a pair to learn from? */
import { checkPair } from '../../engine/learn/pair-check';
import type { Image } from '../../engine/image/image';
import type { PairVerdict } from '../../engine/requests';
import { loadImage } from '../inputs/images';
import { orCancelled } from '../terminal/signals';

/** The verdict; no net is needed. */
export async function checkCommand(before: string, after: string, signal?: AbortSignal): Promise<PairVerdict> {
  const load = (path: string): Promise<Image> => orCancelled(loadImage(path, signal), signal);
  return checkPair(await load(before), await load(after));
}

/** The verdict for people. */
export function describeVerdict({ usable, verdict, shift, edgeAgreement, difference }: PairVerdict): string {
  const lines = [
    verdict,
    `usable           ${usable ? 'yes' : 'no'}`,
    `edge agreement   ${edgeAgreement.toFixed(2)} of 1`,
    `mean difference  ${(100 * difference).toFixed(1)} %`,
  ];
  if (shift.x !== 0 || shift.y !== 0) lines.push(`shift            ${shift.x} px across, ${shift.y} px down`);
  return `${lines.join('\n')}\n`;
}
