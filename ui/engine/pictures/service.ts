/** What the picture worker does: files to pixels and back, and arithmetic on pixels, away from the panel's own thread. */
import * as Comlink from 'comlink';
import { InputError } from '../../../engine/errors';
import { checkPair } from '../../../engine/learn/pair-check';
import type { Image } from '../../../engine/image/image';
import type { PairVerdict } from '../../../engine/requests';
import { moveImage } from '../../../engine/worker/protocol';
import type { Png } from '../../ports';
import { blend, shareOfChange } from './blend';
import { decodePng, encodePng } from './png';
import { shrink, sideBySide } from './shrink';

export type PreviewId = number;

/** A change that was made, at the size of its previews. */
interface OpenPreview {
  readonly original: Image;
  readonly styled: Image;
  readonly made: readonly number[];
}

export class PictureService {
  readonly #previews = new Map<PreviewId, OpenPreview>();
  #opened = 0;

  /** Every call that takes a file throws an InputError when it is no sound PNG. */
  decode(png: Png, name: string, side = Infinity): Image {
    return moveImage(shrink(decodePng(png, name), side));
  }

  encode(picture: Image): Png {
    return movePng(encodePng(picture, 'result'));
  }

  check(before: Png, after: Png): PairVerdict {
    return checkPair(decodePng(before, 'the before image'), decodePng(after, 'the after image'));
  }

  thumbnail(before: Png, after: Png, side: number): Png {
    const pair = sideBySide(decodePng(before, 'the before image'), decodePng(after, 'the after image'), side);
    return movePng(encodePng(pair, 'result'));
  }

  openPreview(original: Png, styled: Png, made: readonly number[], side: number): PreviewId {
    const pictures = { original: decodePng(original, 'the original'), styled: decodePng(styled, 'the result') };
    const { width, height } = pictures.original;
    if (pictures.styled.width !== width || pictures.styled.height !== height) {
      throw new InputError('the result has another size than its original; restyle it again');
    }
    const id = ++this.#opened;
    this.#previews.set(id, { original: shrink(pictures.original, side), styled: shrink(pictures.styled, side), made });
    return id;
  }

  preview(id: PreviewId, strengths: readonly number[]): Png {
    const open = this.#previews.get(id);
    if (!open) throw new Error('this preview is closed');
    const { original, styled, made } = open;
    return movePng(encodePng(blend(original, styled, shareOfChange(made, strengths)), 'preview'));
  }

  closePreview(id: PreviewId): void {
    this.#previews.delete(id);
  }
}

function movePng(png: Uint8Array<ArrayBuffer>): Png {
  return Comlink.transfer(png, [png.buffer]);
}
