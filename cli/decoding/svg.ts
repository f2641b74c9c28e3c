/** SVG files as libvips recognises them: in UTF-8, with `<svg` near the beginning. */

/** Comments, a DTD and the like may come before the element. */
const LONGEST_PROLOGUE = 65_536;
const ROOT = /<(?:[\w.-]+:)?svg[\s>/]/;

/** The bytes of an SVG as UTF-8, whatever its encoding; other files come back as they are. */
export function prepareSvg(bytes: Uint8Array): Uint8Array {
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, LONGEST_PROLOGUE));
  const encoding = encodingOf(start);
  const plain = encoding === undefined || /^utf-?8$|^us-ascii$/i.test(encoding);
  // A namespace prefix, as in <svg:svg>, hides the element from libvips.
  const hidden = /<[\w.-]+:svg[\s>/]/.test(start) && !start.includes('<svg');
  if ((plain && !hidden) || !/^(\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\0]*</.test(start)) return bytes;
  let text: string;
  try {
    const decoder = new TextDecoder(plain ? 'utf-8' : encoding);
    // In pieces: decoding at once, Node 20 takes windows-1252 for Latin 1, and loses quotation marks and the euro sign.
    text = decoder.decode(bytes, { stream: true }) + decoder.decode();
  } catch {
    return bytes;
  }
  if (!ROOT.test(text.slice(0, LONGEST_PROLOGUE))) return bytes;
  text = text.replace(/^(\s*<\?xml[^>]*?)\s+encoding\s*=\s*(["'])[^"']*\2/, '$1');
  if (hidden) text = text.replace(/^\s*(<\?xml[^>]*\?>)?/, '$&<!-- <svg -->');
  return new TextEncoder().encode(text);
}

/** By the byte order mark, by how `<` looks in UTF-16 without one, or as the XML declaration says. */
function encodingOf(start: string): string | undefined {
  if (/^(\xff\xfe|<\0)/.test(start)) return 'utf-16le';
  if (/^(\xfe\xff|\0<)/.test(start)) return 'utf-16be';
  return /^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([\w.:-]+)["']/.exec(start)?.[1];
}
