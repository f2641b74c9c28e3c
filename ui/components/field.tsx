/** Labelled inputs. */
import { useId, useState } from 'preact/hooks';
import type { ComponentChildren } from 'preact';

interface FieldProps {
  readonly label: string;
  readonly note?: string | undefined;
  readonly wrong?: string | null | undefined;
  /** The label at the left of the input instead of above. */
  readonly beside?: boolean;
}

interface FrameProps extends FieldProps {
  readonly children: (ids: {
    id: string;
    'aria-describedby': string | undefined;
    'aria-invalid': boolean;
  }) => ComponentChildren;
}

function Field({ label, note, wrong, beside, children }: FrameProps) {
  const id = useId();
  const text = wrong ?? note;
  return (
    <div class={`field ${beside ? 'beside' : ''}`}>
      <label class="field-label" for={id}>
        {label}
      </label>
      {children({ id, 'aria-describedby': text ? `${id}-note` : undefined, 'aria-invalid': !!wrong })}
      {text && (
        <p id={`${id}-note`} class={`field-note ${wrong ? 'wrong' : ''}`}>
          {text}
        </p>
      )}
    </div>
  );
}

interface TextFieldProps extends FieldProps {
  readonly value: string;
  readonly placeholder?: string;
  readonly rows?: number;
  readonly disabled?: boolean;
  readonly onInput: (text: string) => void;
  /** Enter, or leaving the field. */
  readonly onDone?: () => void;
}

export function TextField({ value, placeholder, rows, disabled, onInput, onDone, ...field }: TextFieldProps) {
  const shared = { class: 'input', value, placeholder, disabled: disabled ?? false, spellcheck: false, maxLength: 300 };
  return (
    <Field {...field}>
      {(ids) =>
        rows ? (
          <textarea
            {...ids}
            {...shared}
            rows={rows}
            onInput={(event) => onInput(event.currentTarget.value)}
            onBlur={onDone}
          />
        ) : (
          <input
            {...ids}
            {...shared}
            type="text"
            onInput={(event) => onInput(event.currentTarget.value)}
            onBlur={onDone}
            onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()}
          />
        )
      }
    </Field>
  );
}

interface NumberFieldProps extends FieldProps {
  readonly value: number;
  readonly disabled?: boolean;
  /** Why a number does not serve; null when it does. */
  readonly complain: (value: number) => string | null;
  readonly onChange: (value: number) => void;
}

/** Takes a number once it serves; until then what is typed stays, with what is wrong with it. */
export function NumberField({ value, disabled, complain, onChange, ...field }: NumberFieldProps) {
  const [typed, setTyped] = useState<string | null>(null);
  const number = typed === null ? value : typed.trim() === '' ? NaN : Number(typed);
  const complaint = typed === null ? null : complain(number);
  return (
    <Field {...field} wrong={complaint}>
      {(ids) => (
        <input
          {...ids}
          class="input numbers"
          type="text"
          inputMode="decimal"
          disabled={disabled ?? false}
          value={typed ?? String(value)}
          onInput={(event) => {
            const text = event.currentTarget.value;
            setTyped(text);
            const next = text.trim() === '' ? NaN : Number(text);
            if (complain(next) === null) onChange(next);
          }}
          onKeyDown={(event) => {
            if (event.key === 'Escape') setTyped(null);
            if (event.key === 'Enter') event.currentTarget.blur();
          }}
          onBlur={() => complaint === null && setTyped(null)}
        />
      )}
    </Field>
  );
}

interface SelectFieldProps<T extends string> extends FieldProps {
  readonly value: T;
  readonly options: readonly { readonly value: T; readonly label: string }[];
  readonly disabled?: boolean;
  readonly onChange: (value: T) => void;
}

export function SelectField<T extends string>({ value, options, disabled, onChange, ...field }: SelectFieldProps<T>) {
  return (
    <Field {...field}>
      {(ids) => (
        <select
          {...ids}
          class="select"
          value={value}
          disabled={disabled ?? false}
          onChange={(event) => onChange(event.currentTarget.value as T)}
        >
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
