/** Base64 without btoa, which Figma's sandbox and QuickJS lack. */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES = new Map([...ALPHABET].map((letter, value) => [letter, value]));

export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  const whole = bytes.length - (bytes.length % 3);
  const letter = (word: number, shift: number): string => ALPHABET[(word >> shift) & 63]!;
  for (let at = 0; at < whole; at += 3) {
    const word = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    text += letter(word, 18) + letter(word, 12) + letter(word, 6) + letter(word, 0);
  }
  if (bytes.length === whole) return text;
  const word = (bytes[whole]! << 16) | ((bytes[whole + 1] ?? 0) << 8);
  const third = bytes.length - whole === 2 ? letter(word, 6) : '=';
  return `${text}${letter(word, 18)}${letter(word, 12)}${third}=`;
}

/** Throws on what is not base64. */
export function decodeBase64(text: string): Uint8Array {
  const letters = text.replace(/={1,2}$/, '');
  if (text.length % 4 !== 0) throw new Error('Invalid base64 string');
  const bytes = new Uint8Array(Math.floor((letters.length * 3) / 4));
  let [word, bits, at] = [0, 0, 0];
  for (const letter of letters) {
    const value = VALUES.get(letter);
    if (value === undefined) throw new Error('Invalid base64 string');
    word = ((word << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) bytes[at++] = (word >> (bits -= 8)) & 255;
  }
  return bytes;
}
