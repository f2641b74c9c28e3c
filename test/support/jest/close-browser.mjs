/** After the browser tests. */
import { closeSharedBrowser } from './browser-environment.mjs';

export default closeSharedBrowser;
