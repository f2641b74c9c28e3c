/** Something folded away. */
import type { ComponentChildren } from 'preact';
import { Icon } from './icons';

export function Disclosure({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <details class="disclosure">
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
