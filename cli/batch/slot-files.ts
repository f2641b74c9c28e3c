/** Entry of dist/cli/batch-files.mjs: the thread of a slot that reads and writes the files of its pictures. */
import { serveFiles } from '../../batch/slot/files-thread';
import { decodeImage, encodePng } from '../inputs/images';

serveFiles({ decodeImage, encodePng });
