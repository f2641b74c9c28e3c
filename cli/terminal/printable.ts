/** Foreign text on a terminal: names of files and what files say of themselves may hold anything. */

import { hex, printable, UNSAFE } from '../../common/printable';

export { printable, UNSAFE };

/** The same of each line of a text. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** Goes to the beginning of a terminal's line and clears it. */
export const REDRAW = '\r\x1b[K';

/** A text for standard error that may begin by redrawing its line, the rest as it prints. */
export function printableProgress(text: string): string {
  return text.startsWith(REDRAW) ? REDRAW + printableLines(text.slice(REDRAW.length)) : printableLines(text);
}

/** A value as one line of JSON that means the same and prints as it is. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, (char) => `\\u${hex(char.charCodeAt(0), 4)}`);
}
