/** Entry of dist/cli/batch-slot.mjs: the process of one slot of `diptych batch` and `diptych worker`. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serveSlot } from '../../batch/slot/child';
import { Engine } from '../../engine/engine';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { decodeImage, encodePng } from '../inputs/images';
import { openFolder } from '../inputs/models';
import { given } from '../options';
import { packageRoot } from '../package-root';

const root = packageRoot(dirname(fileURLToPath(import.meta.url)));

serveSlot({
  async openEngine({ model, device, threads }) {
    return Engine.open(await openFolder(model, root), nodeBackend, given({ device, threads }));
  },
  codec: { decodeImage, encodePng },
});
