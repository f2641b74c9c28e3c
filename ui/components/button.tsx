/** Buttons. */
import type { ComponentChildren, JSX } from 'preact';
import { Icon, type IconName } from './icons';

interface ButtonProps extends Omit<JSX.IntrinsicElements['button'], 'class' | 'type'> {
  readonly kind?: 'primary' | 'secondary' | 'ghost' | 'link';
  /** For a view's main action, at its foot. */
  readonly large?: boolean;
  readonly children: ComponentChildren;
}

export function Button({ kind = 'secondary', large, children, ...rest }: ButtonProps) {
  return (
    <button type="button" class={`button ${kind} ${large ? 'large' : ''}`} {...rest}>
      {children}
    </button>
  );
}

interface IconButtonProps extends Omit<JSX.IntrinsicElements['button'], 'class' | 'type' | 'icon'> {
  readonly icon: IconName;
  /** Said by screen readers and shown on hover. */
  readonly label: string;
}

export function IconButton({ icon, label, ...rest }: IconButtonProps) {
  return (
    <button type="button" class="icon-button" aria-label={label} title={label} {...rest}>
      <Icon name={icon} />
    </button>
  );
}
