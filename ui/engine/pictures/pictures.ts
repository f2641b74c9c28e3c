/** The picture worker as the panel's thread uses it: started when first needed, and again when it broke down. */
import * as Comlink from 'comlink';
import { CancelledError, DeviceError } from '../../../engine/errors';
import type { Image } from '../../../engine/image/image';
import type { PairVerdict } from '../../../engine/requests';
import { keepErrorClasses } from '../../../engine/worker/protocol';
import { Watchdog } from '../../../engine/worker/watchdog';
import type { Png, Preview } from '../../ports';
import type { Connect } from '../connection';
import type { PictureService } from './service';

/** How long the worker is waited for, ms. */
export interface PicturePatience {
  /** At one picture. */
  readonly silence: number;
  /** At one that was cancelled. */
  readonly cancel: number;
}

/** The largest picture takes seconds, and a busy machine ten times as long. */
const PATIENCE: PicturePatience = { silence: 120_000, cancel: 2_000 };

type Service = Comlink.Remote<PictureService>;

/** Something that was asked of the worker. */
interface Asked {
  readonly call: (service: Service) => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  /** Whether nobody waits for the answer any more. */
  left: boolean;
}

interface Running {
  readonly service: Service;
  readonly end: () => void;
  /** What it has not answered, in the order it works. */
  readonly asked: Set<Asked>;
  readonly watchdog: Watchdog;
}

/**
 * Each call throws a CancelledError as soon as its signal fires, and a DeviceError when the worker broke down or hung at
 * it. The worker is ended then; what else was asked of it is asked of the next one.
 */
export class Pictures {
  readonly #connect: Connect;
  readonly #patience: PicturePatience;
  #running: Promise<Running> | undefined;

  constructor(connect: Connect, patience: PicturePatience = PATIENCE) {
    keepErrorClasses();
    this.#connect = connect;
    this.#patience = patience;
  }

  /** @param name what errors call the picture. @param side the longest it may be, px; a larger one is made smaller. */
  decode(png: Png, name: string, signal?: AbortSignal, side?: number): Promise<Image> {
    return this.#ask((service) => service.decode(png, name, side), signal);
  }

  encode(picture: Image, signal?: AbortSignal): Promise<Png> {
    return this.#ask((service) => service.encode(picture), signal);
  }

  check(before: Png, after: Png, signal?: AbortSignal): Promise<PairVerdict> {
    return this.#ask((service) => service.check(before, after), signal);
  }

  thumbnail(before: Png, after: Png, side: number, signal?: AbortSignal): Promise<Png> {
    return this.#ask((service) => service.thumbnail(before, after, side), signal);
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
    if (!running) return;
    running.watchdog.stop();
    running.end();
    for (const { reject } of running.asked) reject(new CancelledError());
  }

  async #ask<T>(call: (service: Service) => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (signal?.aborted) throw new CancelledError();
    let leave: () => void = () => undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        const asked: Asked = { call, resolve: resolve as Asked['resolve'], reject, left: false };
        leave = () => {
          asked.left = true;
          reject(new CancelledError());
          timer = setTimeout(() => void this.#endAt(asked), this.#patience.cancel);
        };
        signal?.addEventListener('abort', leave, { once: true });
        void this.#send(asked);
      });
    } finally {
      signal?.removeEventListener('abort', leave);
      if (!signal?.aborted) clearTimeout(timer);
    }
  }

  /** Asks a worker, which is started first if there is none. */
  async #send(asked: Asked): Promise<void> {
    if (!this.#running) {
      const starting = this.#start();
      this.#running = starting;
      starting.catch(() => {
        if (this.#running === starting) this.#running = undefined;
      });
    }
    let running: Running;
    try {
      running = await this.#running;
    } catch (error) {
      return asked.reject(error as Error);
    }
    if (asked.left) return;
    running.asked.add(asked);
    running.watchdog.start();
    const over = (settle: () => void): void => {
      // What comes from a worker that was given up counts no more.
      if (!running.asked.delete(asked)) return;
      running.watchdog.heard();
      if (running.asked.size === 0) running.watchdog.stop();
      settle();
    };
    asked.call(running.service).then(
      (value) => over(() => asked.resolve(value)),
      (error: Error) => over(() => asked.reject(error)),
    );
  }

  async #start(): Promise<Running> {
    const { endpoint, onFailure, end } = await this.#connect();
    const running: Running = {
      ...{ service: Comlink.wrap<PictureService>(endpoint), end, asked: new Set() },
      watchdog: new Watchdog(this.#patience.silence, (ms) =>
        this.#replace(running, `it worked at one picture for ${Math.round(ms / 1000)} seconds`),
      ),
    };
    onFailure((why) => this.#replace(running, why));
    return running;
  }

  /** Ends the worker if it is still at a call that nobody waits for. */
  async #endAt(asked: Asked): Promise<void> {
    const running = await this.#running?.catch(() => undefined);
    if (running && [...running.asked][0] === asked) this.#replace(running, 'a picture was cancelled');
  }

  /** Gives a worker up. What it was at fails; the rest is asked of the next. */
  #replace(running: Running, why: string): void {
    const [at, ...others] = running.asked;
    running.asked.clear();
    running.watchdog.stop();
    running.end();
    this.#running = undefined;
    at?.reject(new DeviceError(`the worker that reads pictures stopped (${why}); try again`));
    for (const asked of others) if (!asked.left) void this.#send(asked);
  }
}
