/** The script of the picture worker, bundled as one classic script like the engine's. */
import * as Comlink from 'comlink';
import { keepLife } from '../../engine/worker/life';
import { PictureService } from './pictures/service';

keepLife();
Comlink.expose(new PictureService());
