/** A strength as a slider with a typed value beside it, in percent: 100% is the style as learned. */
import { useId, useState } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { MAX_STRENGTH } from '../state/restyle-settings';

interface Props {
  readonly label: string;
  /** 0 to MAX_STRENGTH. */
  readonly value: number;
  readonly disabled?: boolean;
  /** While the slider moves. */
  readonly onDrag?: (value: number) => void;
  /** The slider was let go, or a value was typed. */
  readonly onRelease: (value: number) => void;
  /** Beside the label. */
  readonly children?: ComponentChildren;
}

const MOST = MAX_STRENGTH * 100;

export function StrengthSlider({ label, value, disabled = false, onDrag, onRelease, children }: Props) {
  const id = useId();
  const [typed, setTyped] = useState<string | null>(null);
  const percent = Math.round(value * 100);
  const take = (percents: number): void => onRelease(Math.min(MOST, Math.max(0, Math.round(percents))) / 100);
  const finish = (): void => {
    const number = typed === null ? NaN : parseFloat(typed.replace(',', '.'));
    if (Number.isFinite(number)) take(number);
    setTyped(null);
  };
  const restore = (input: HTMLInputElement): void => {
    setTyped(null);
    input.value = `${percent}%`;
    input.select();
  };
  return (
    <div class="slider-row">
      <div class="slider-head row">
        <label class="one-line grow" for={id}>
          {label}
        </label>
        {children}
      </div>
      <input
        id={id}
        class="slider"
        type="range"
        min={0}
        max={MOST}
        step={1}
        value={percent}
        disabled={disabled}
        aria-valuetext={`${percent}%`}
        style={{ '--filled': `${(100 * percent) / MOST}%` }}
        onInput={(event) => onDrag?.(Number(event.currentTarget.value) / 100)}
        onChange={(event) => take(Number(event.currentTarget.value))}
      />
      <input
        class="input numbers"
        type="text"
        inputMode="numeric"
        aria-label={`${label}, percent`}
        disabled={disabled}
        value={typed ?? `${percent}%`}
        onFocus={(event) => event.currentTarget.select()}
        onInput={(event) => setTyped(event.currentTarget.value)}
        onBlur={finish}
        onKeyDown={(event) => {
          const step = event.shiftKey ? 10 : 1;
          if (event.key === 'Enter') finish();
          else if (event.key === 'Escape') restore(event.currentTarget);
          else if (event.key === 'ArrowUp') take(percent + step);
          else if (event.key === 'ArrowDown') take(percent - step);
          else return;
          event.preventDefault();
          event.stopPropagation();
        }}
      />
    </div>
  );
}
