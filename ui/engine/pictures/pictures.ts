/** The picture worker as the panel's thread uses it: started when first needed, and again when it broke down. */
import * as Comlink from 'comlink';
import { DeviceError } from '../../../engine/errors';
import type { Image } from '../../../engine/image/image';
import type { PairVerdict } from '../../../engine/requests';
import { keepErrorClasses } from '../../../engine/worker/protocol';
import type { Png, Preview } from '../../ports';
import type { Connect } from '../connection';
import type { PictureService } from './service';

interface Running {
  readonly service: Comlink.Remote<PictureService>;
  /** Rejects once no answer will come any more. */
  readonly over: Promise<never>;
  readonly end: () => void;
}

export class Pictures {
  readonly #connect: Connect;
  #running: Promise<Running> | undefined;

  constructor(connect: Connect) {
    keepErrorClasses();
    this.#connect = connect;
  }

  /** @param name what errors call the picture. */
  decode(png: Png, name: string): Promise<Image> {
    return this.#ask((service) => service.decode(png, name));
  }

  encode(picture: Image): Promise<Png> {
    return this.#ask((service) => service.encode(picture));
  }

  check(before: Png, after: Png): Promise<PairVerdict> {
    return this.#ask((service) => service.check(before, after));
  }

  thumbnail(before: Png, after: Png, side: number): Promise<Png> {
    return this.#ask((service) => service.thumbnail(before, after, side));
  }

  async preview(original: Png, styled: Png, made: readonly number[], side: number): Promise<Preview> {
    const id = await this.#ask((service) => service.openPreview(original, styled, made, side));
    const running = this.#running;
    let newest = 0;
    let under: Promise<unknown> = Promise.resolve();
    return {
      at: (strengths) => {
        const turn = ++newest;
        // At most one call is under way and one waits; the rest of a quick drag is never computed.
        const picture = under
          .then(() => (turn === newest ? this.#ask((service) => service.preview(id, [...strengths])) : undefined))
          .then((png) => (turn === newest ? png : undefined));
        under = picture.catch(() => undefined);
        return picture;
      },
      dispose: () => {
        newest++;
        // A worker that was started since knows nothing of this preview.
        if (this.#running === running) void this.#ask((service) => service.closePreview(id)).catch(() => undefined);
      },
    };
  }

  async dispose(): Promise<void> {
    const running = await this.#running?.catch(() => undefined);
    this.#running = undefined;
    running?.end();
  }

  async #ask<T>(call: (service: Comlink.Remote<PictureService>) => Promise<T>): Promise<T> {
    if (!this.#running) {
      this.#running = this.#start();
      this.#running.catch(() => (this.#running = undefined));
    }
    const { service, over } = await this.#running;
    return Promise.race([call(service), over]);
  }

  async #start(): Promise<Running> {
    const { endpoint, onFailure, end } = await this.#connect();
    const over = new Promise<never>((_, reject) => {
      onFailure((why) => {
        this.#running = undefined;
        end();
        reject(new DeviceError(`the worker that reads pictures stopped (${why}); try again`));
      });
    });
    over.catch(() => undefined);
    return { service: Comlink.wrap<PictureService>(endpoint), over, end };
  }
}
