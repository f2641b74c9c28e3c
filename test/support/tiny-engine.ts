/** An engine on the random tiny model of test/fixtures. */
import { join } from 'node:path';
import { Engine } from '../../engine/engine';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { nodeFolder } from '../../engine/weights/node-folder';

export * from './drawing';

export const TINY_MODEL = join(__dirname, '..', 'fixtures', 'tiny-model');

export async function tinyEngine(): Promise<Engine> {
  return Engine.open(await nodeFolder(TINY_MODEL), nodeBackend, { threads: 1 });
}
