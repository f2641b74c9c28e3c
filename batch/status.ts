/** What a batch looks like from outside, whether it runs on this machine or in a queue. */
import type { BatchSpec } from './job';

/** Of a batch's failures and finished pictures so many are told. */
export const FAILURES_SHOWN = 1000;
export const RECENT_SHOWN = 200;

/** "1 picture", "2 pictures". */
export const pictures = (count: number): string => `${count} ${count === 1 ? 'picture' : 'pictures'}`;

/** The same with its verb. */
export const picturesAre = (count: number): string => `${pictures(count)} ${count === 1 ? 'is' : 'are'}`;

/** `stopped`: something of it is left to do and nothing works on it; its command goes on with it. */
export type BatchState = 'waiting' | 'running' | 'done' | 'failed' | 'cancelled' | 'stopped';

export interface JobFailure {
  readonly key: string;
  readonly input: string;
  /** One line. */
  readonly reason: string;
  readonly tries: number;
}

export interface Refusal {
  /** Host and process id. */
  readonly worker: string;
  /** One line. */
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** A finished picture for the contact sheet. */
export interface FinishedPicture {
  readonly key: string;
  readonly input: string;
  readonly outputs: readonly string[];
  /** Milliseconds since 1970. */
  readonly time: number;
}

export interface BatchStatus {
  readonly name: string;
  readonly state: BatchState;
  /** Input pictures of the batch, those that were there before included. */
  readonly total: number;
  readonly counts: {
    /** Those that were there before included. */
    readonly done: number;
    readonly failed: number;
    readonly running: number;
    readonly waiting: number;
    /** Waiting for their next try. */
    readonly delayed: number;
    /** Those that the queue has lost, as when its server was restarted; running the batch again does them. */
    readonly lost?: number;
  };
  readonly perSecond: number | null;
  readonly secondsLeft: number | null;
  readonly failures: readonly JobFailure[];
  readonly refusals: readonly Refusal[];
  /** The latest first. */
  readonly recent: readonly FinishedPicture[];
  /** Whether what failed can be tried again from outside, without the command that made the batch. */
  readonly retryable: boolean;
  readonly spec: BatchSpec;
}

/** Seconds until the rest is done at this rate; null when that cannot be said. */
export function secondsLeft(remaining: number, perSecond: number | null | undefined): number | null {
  if (remaining === 0) return 0;
  return perSecond ? remaining / perSecond : null;
}
