/** Something folded away. */
import type { ComponentChildren } from 'preact';
import { Icon } from './icons';

interface Props {
  readonly title: string;
  /** Whether it is unfolded; its own affair when left out. */
  readonly open?: boolean;
  /** Told whenever it is unfolded or folded. */
  readonly onToggle?: (open: boolean) => void;
  readonly children: ComponentChildren;
}

export function Disclosure({ title, open, onToggle, children }: Props) {
  return (
    <details class="disclosure" open={open} onToggle={(event) => onToggle?.(event.currentTarget.open)}>
      <summary>
        <Icon name="chevron" />
        {title}
      </summary>
      <div class="stack" style={{ paddingTop: '4px' }}>
        {children}
      </div>
    </details>
  );
}
