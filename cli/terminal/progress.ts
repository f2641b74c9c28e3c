/** Progress on the terminal: one line that is redrawn, or a line every few seconds where nothing can be. */
import type { LossPoint, Phase, Progress } from '../../engine/requests';
import type { Io } from '../io';
import { printable, REDRAW } from './printable';

const LABELS: Readonly<Record<Phase, string>> = {
  load: 'loading',
  encode: 'encoding',
  learn: 'learning',
  invert: 'inverting',
  restyle: 'styling',
  decode: 'decoding',
};

/** Losses jump from step to step with the noise drawn; shown is a mean that forgets at this rate. */
const FORGET = 0.95;
const REDRAW_MS = 100;
const LINE_MS = 5000;

export class ProgressLine {
  readonly #io: Pick<Io, 'err' | 'interactive'>;
  readonly #now: () => number;
  #phase: Phase | undefined;
  #phaseStart = 0;
  #firstStep = 0;
  #shown = -Infinity;
  #drawn = false;
  readonly #losses = { content: new RunningMean(), style: new RunningMean() };

  /** @param label what is being worked on, e.g. a file's name; may be empty. */
  constructor(
    io: Pick<Io, 'err' | 'interactive'>,
    readonly label = '',
    now: () => number = () => performance.now(),
  ) {
    this.#io = io;
    this.#now = now;
  }

  /** What was not done as asked, one line each. */
  readonly warnings: string[] = [];

  readonly update = (progress: Progress): void => {
    if (progress.warning !== undefined) {
      this.warnings.push(progress.warning);
      return this.note(`note: ${progress.warning}`);
    }
    const now = this.#now();
    if (progress.phase !== this.#phase) {
      this.#phase = progress.phase;
      this.#phaseStart = now;
      this.#firstStep = progress.step;
      if (this.#io.interactive) this.#shown = -Infinity;
    }
    if (progress.loss) this.#note(progress.loss);
    const last = progress.phase === 'learn' && progress.step === progress.steps;
    if (!last && now - this.#shown < (this.#io.interactive ? REDRAW_MS : LINE_MS)) return;
    this.#shown = now;
    const text = this.#describe(progress, now);
    this.#io.err(this.#io.interactive ? `${REDRAW}${text}` : `${text}\n`);
    this.#drawn = this.#io.interactive;
  };

  /** Shows a line of its own above the progress. */
  readonly note = (text: string): void => {
    this.end();
    this.#io.err(`${text}\n`);
  };

  /** Ends the line, so that what follows starts on its own. */
  end(): void {
    if (this.#drawn) this.#io.err(REDRAW);
    this.#drawn = false;
  }

  #note({ content, style }: LossPoint): void {
    if (content !== null) this.#losses.content.add(content);
    if (style !== null) this.#losses.style.add(style);
  }

  #describe({ phase, step, steps }: Progress, now: number): string {
    const parts = [`${LABELS[phase]} ${step}/${steps}`];
    if (phase === 'learn') {
      for (const name of ['content', 'style'] as const) {
        const mean = this.#losses[name].value;
        if (mean !== undefined) parts.push(`${name} loss ${mean.toFixed(4)}`);
      }
    }
    const done = step - this.#firstStep;
    const elapsed = now - this.#phaseStart;
    if (done > 0 && step < steps && elapsed > 1000)
      parts.push(`${duration((elapsed / done / 1000) * (steps - step))} left`);
    return [...(this.label ? [printable(this.label)] : []), ...parts].join('  ');
  }
}

/** A mean that forgets, unbiased from the first value on (as in Adam). */
class RunningMean {
  #sum = 0;
  #weight = 0;

  add(value: number): void {
    this.#sum = FORGET * this.#sum + (1 - FORGET) * value;
    this.#weight = FORGET * this.#weight + (1 - FORGET);
  }

  get value(): number | undefined {
    return this.#weight > 0 ? this.#sum / this.#weight : undefined;
  }
}

/** Seconds as "8 s", "1:05 min" or "2:03 h". */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const pad = (value: number): string => String(value).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)}:${pad(whole % 60)} min`;
  return `${Math.floor(whole / 3600)}:${pad(Math.floor((whole % 3600) / 60))} h`;
}
