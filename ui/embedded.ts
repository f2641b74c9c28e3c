/** Entry of the panel that is one document and uses no network. */
import { embeddedAssets } from './assets-embedded';
import { startPanel } from './main';

startPanel(embeddedAssets());
