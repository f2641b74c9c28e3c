/** The page of the browser tests: what they run in it, by name. Bundled by build.mjs into dist/test/page.js. */
import { runCase, type CaseResult } from '../goldens/run';
import { keepInStorage, learnThroughBreakdown } from './in-panel';
import * as inWorker from './in-worker';
import { learnAsLarge, twoPrograms, type LargeRun } from './large-model';
import { compileForeign, eightBitLayer, learnAndRestyle, type DeviceRun } from './on-device';
import { chooseDevice, type WebDevice } from './shims/backend';

const api = {
  ...inWorker,
  keepInStorage,
  learnThroughBreakdown,
  compileForeign,
  eightBitLayer,
  twoPrograms,
  async learnAsLarge(device: WebDevice, path: string, pair: readonly [string, string]): Promise<LargeRun> {
    const [before, after] = [await inWorker.readPicture(pair[0]), await inWorker.readPicture(pair[1])];
    return learnAsLarge(device, path, [before, after]);
  },
  /** Computes a golden case on a device. */
  runCase(dir: string, device: WebDevice): Promise<CaseResult> {
    chooseDevice(device);
    return runCase(dir);
  },
  async learnAndRestyle(device: WebDevice, before: string, after: string): Promise<DeviceRun> {
    return learnAndRestyle(device, await inWorker.readPicture(before), await inWorker.readPicture(after));
  },
};

export type PageApi = typeof api;

declare global {
  var diptychPage: PageApi;
}

globalThis.diptychPage = api;
