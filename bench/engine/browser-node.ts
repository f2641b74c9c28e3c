/** The Node side of browser.mjs. */
import { nodeBackend } from '../../engine/runtime/backend-node';
import { nodeFolder } from '../../engine/weights/node-folder';
import { openSteps } from './browser-step';

export const open = async (model: string, threads: number, rank: number) =>
  openSteps(await nodeFolder(model), nodeBackend, { threads }, rank);
