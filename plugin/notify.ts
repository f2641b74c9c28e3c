/** The line at the bottom of the editor. */

import { printable } from '../common/printable';

/** Figma cuts the text there, in the middle of a word. */
const LONGEST = 100;

export function notify(text: string, error: boolean): void {
  figma.notify(cut(printable(text)), { error });
}

function cut(text: string): string {
  if (text.length <= LONGEST) return text;
  const head = text.slice(0, LONGEST - 1);
  const space = head.lastIndexOf(' ');
  return `${space > LONGEST / 2 ? head.slice(0, space) : head}…`;
}
