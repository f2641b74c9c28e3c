/** The script of the picture worker, bundled as one classic script like the engine's. */
import * as Comlink from 'comlink';
import { PictureService } from './pictures/service';

Comlink.expose(new PictureService());
