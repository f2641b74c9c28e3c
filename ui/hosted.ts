/** Entry of the panel that comes from a web server: WebGPU, and threads for WebAssembly. */
import { hostedAssets } from './assets-hosted';
import { startPanel } from './main';
import { trustedBy } from './trusted-origins';

startPanel(hostedAssets(), trustedBy(location));
