/** The same worker for where there is neither WebGPU nor a network: its script travels inside the panel's document. */
import { PLAIN } from '../runtime/web-builds';
import { startWorker } from './start';

startWorker([PLAIN]);
