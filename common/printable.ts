/** Foreign text on its way to a reader: names of files and what files say of themselves may hold anything. */

/**
 * C0 and C1 controls, which move the cursor and set the terminal's title and colours; line separators; and the marks that
 * turn the direction of writing, by which a name can pretend to be another one (Unicode TR 36).
 */
export const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** The text as one line that prints as it is: "a\x1bb". */
export function printable(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const code = char.charCodeAt(0);
    if (char === '\n') return '\\n';
    if (char === '\r') return '\\r';
    if (char === '\t') return '\\t';
    return code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`;
  });
}

export function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
