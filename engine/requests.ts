/** What callers ask of the engine and what they are told while it works. Plain data: it crosses worker boundaries. */
import type { WriteOptions } from './lora/adapter-file';
import type { Coverage } from './lora/coverage';
import type { Image } from './image/image';
import type { GuideMode, LearnMode } from './modes';

export type { GuideMode, LearnMode };

/** A picture before a style and after it. */
export interface ImagePair {
  readonly before: Image;
  readonly after: Image;
}

export interface LearnRequest extends ImagePair {
  /** Pairs of the same style beside the first; only models that read pairs take them. */
  readonly morePairs?: readonly ImagePair[];
  /** What both images show, e.g. "red apple". May be empty. */
  readonly prompt: string;
  /** Name of the style; the style prompt is `${prompt} in ${style} style`. */
  readonly style: string;
  readonly mode?: LearnMode;
  /** Joint steps, after the content-only ones. */
  readonly steps?: number;
  /** Content-only steps before the joint ones. */
  readonly contentSteps?: number;
  readonly rank?: number;
  readonly learningRate?: number;
  /** Long side of the pictures the net learns from, px; the model's own when left out, 512 with SDXL. */
  readonly size?: number;
  readonly seed?: number;
  /** Restyle this image every `sampleEvery` steps and hand it to onProgress. */
  readonly sampleImage?: Image;
  readonly sampleEvery?: number;
  /** Emit a checkpoint every n steps; one is always emitted on cancel. 0: only on cancel. */
  readonly checkpointEvery?: number;
  /** Emit a checkpoint when the last one is this many seconds old, as well. */
  readonly checkpointSeconds?: number;
  /** Learn even from a pair that the check finds unusable. Proportions that differ are refused all the same. */
  readonly force?: boolean;
  /** How style files are written; full precision and diffusers' keys when left out. */
  readonly file?: WriteOptions;
  /** A checkpoint of the same request; training goes on where it stopped. */
  readonly resume?: Uint8Array;
}

export interface LearnResult {
  /** The style LoRA as a diffusers/PEFT-keyed safetensors file. */
  readonly style: Uint8Array;
  readonly losses: readonly LossPoint[];
  readonly steps: number;
  readonly seconds: number;
}

/** Mean squared errors of one step; null where a term is not trained in that phase. */
export interface LossPoint {
  readonly step: number;
  readonly content: number | null;
  readonly style: number | null;
}

/** What a LoRA file says of itself, with what it does not say left empty or null. */
export interface StyleDescription {
  readonly name: string;
  /** The base prompt it was learned with. */
  readonly prompt: string;
  /** The base model it was learned on. */
  readonly model: { readonly name: string; readonly fingerprint: string } | null;
  /** The greatest rank it has at any target module. */
  readonly rank: number;
  readonly steps: number;
  /** How much of it acts on the open model. */
  readonly coverage: Coverage;
  /** It holds its pair, which a model reads; a style without a kind is learned. */
  readonly kind?: 'pair';
}

export interface AppliedStyle {
  /** A LoRA safetensors file: Diptych's own or one from elsewhere. */
  readonly file: Uint8Array;
  /** What errors call it. */
  readonly name?: string;
  /** 0: the original exactly. 1: as learned. */
  readonly strength: number;
}

/** A style given by its pairs alone: a model that reads pairs applies it without learning. */
export interface PairStyle {
  /** One to five pairs of one style. */
  readonly pairs: readonly ImagePair[];
  /** What errors call it. */
  readonly name?: string;
  /** 0: the original exactly. 1: as the pairs say. */
  readonly strength: number;
}

export interface RestyleRequest {
  readonly image: Image;
  /** Long side at which the net sees the picture, px; the model's own when left out. */
  readonly size?: number;
  readonly styles: readonly (AppliedStyle | PairStyle)[];
  readonly prompt?: string;
  readonly guide?: GuideMode;
  readonly steps?: number;
  /** Fraction of the noise schedule the image is taken up to before the styled way back, in (0, 1]; the style's own when left out. */
  readonly start?: number;
  readonly seed?: number;
  /** Apply styles too of which less than half can be applied, or that do not say how strong they are. */
  readonly force?: boolean;
}

export interface ImagineRequest {
  readonly prompt: string;
  /** Side of the picture, px; the model's own when left out. */
  readonly size?: number;
  readonly styles: readonly AppliedStyle[];
  readonly guidanceScale?: number;
  readonly steps?: number;
  readonly start?: number;
  readonly seed?: number;
  /** As in RestyleRequest. */
  readonly force?: boolean;
}

export type Phase = 'load' | 'encode' | 'learn' | 'invert' | 'restyle' | 'decode';

export interface Progress {
  readonly phase: Phase;
  /** Steps done and in all, within the phase. */
  readonly step: number;
  readonly steps: number;
  readonly loss?: LossPoint;
  readonly sample?: Image;
  readonly checkpoint?: Uint8Array;
  /** One line on what is not done as asked, such as a prompt that was cut. */
  readonly warning?: string;
}

export interface Hooks {
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

export type PairProblem = 'identical' | 'unrelated' | 'shifted' | 'scaled' | 'mirrored' | 'size' | 'blank';

export interface PairVerdict {
  readonly usable: boolean;
  /** One plain sentence for the user. */
  readonly verdict: string;
  readonly problems: readonly PairProblem[];
  /** Shift in pixels of `before` that best lays the after image's edges over it; applied by learn when that corrects the pair. */
  readonly shift: { readonly x: number; readonly y: number };
  /** Agreement of the two edge maps after that shift, 0 to 1. */
  readonly edgeAgreement: number;
  /** Mean absolute difference of the two images over opaque parts, 0 to 1. */
  readonly difference: number;
}
