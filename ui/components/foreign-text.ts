/** Text of files and of other people, wherever the panel shows it: what would act on its surroundings is escaped. */
import type { Options, VNode } from 'preact';
import { UNSAFE, printable } from '../../common/printable';

/** Attributes that are read to the user. What fields hold is the user's to edit, and stays. */
const READ = ['title', 'alt', 'placeholder', 'aria-label', 'label'];

/**
 * Escapes control characters and marks that turn the direction of writing in all text of the page, whichever view shows
 * it (Unicode TR 36). Line breaks and tabs stay: they show as spaces.
 *
 * @param options Preact's own.
 */
export function escapeForeignText(options: Options): void {
  const before = options.vnode;
  options.vnode = (node: VNode) => {
    if (typeof node.type === 'string') escapeIn(node.props as Record<string, unknown>);
    before?.(node);
  };
}

function escapeIn(props: Record<string, unknown>): void {
  const { children } = props;
  if (typeof children === 'string') props['children'] = shown(children);
  else if (Array.isArray(children)) {
    props['children'] = children.map((child: unknown) => (typeof child === 'string' ? shown(child) : child));
  }
  for (const name of READ) {
    const value = props[name];
    if (typeof value === 'string') props[name] = shown(value);
  }
}

function shown(text: string): string {
  return text.replace(UNSAFE, (char) => (char === '\n' || char === '\t' ? char : printable(char)));
}
