/** Things said within a view. */
import type { ComponentChildren, VNode } from 'preact';
import { Icon, type IconName } from './icons';

const ICONS = { good: 'check', info: 'info', warning: 'warning', wrong: 'warning' } as const satisfies Record<
  string,
  IconName
>;

interface MessageProps {
  readonly kind: keyof typeof ICONS;
  readonly title?: string;
  readonly children?: ComponentChildren;
  /** Buttons. */
  readonly actions?: ComponentChildren;
}

export function Message({ kind, title, children, actions }: MessageProps) {
  return (
    <div class={`message ${kind}`} role={kind === 'wrong' ? 'alert' : 'status'}>
      <Icon name={ICONS[kind]} />
      <div class="message-text">
        {title && <h3>{title}</h3>}
        {children && <p>{children}</p>}
        {actions && <div class="message-actions">{actions}</div>}
      </div>
    </div>
  );
}

interface EmptyProps {
  /** An icon, or a drawing. */
  readonly icon: IconName | VNode;
  readonly title: string;
  readonly children?: ComponentChildren;
  readonly actions?: ComponentChildren;
}

/** What a view says while it has nothing to show: what belongs here, and how it gets here. */
export function EmptyState({ icon, title, children, actions }: EmptyProps) {
  return (
    <div class="empty">
      {typeof icon === 'string' ? <Icon name={icon} class="big" /> : icon}
      <div>
        <h2>{title}</h2>
        <p>{children}</p>
      </div>
      {actions && <div class="row">{actions}</div>}
    </div>
  );
}
