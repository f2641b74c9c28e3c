/** After the browser tests. */
import { tearDown } from './browser-environment.mjs';

export default tearDown;
