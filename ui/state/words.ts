/** Numbers as people read them. */

/** "840 kB", "1.7 GB": decimal units, as disks and browsers count. */
export function bytesInWords(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}

/** "40 s", "3 min", "1 h 5 min": rounded as an estimate deserves. */
export function secondsInWords(seconds: number): string {
  if (seconds < 55) return `${Math.max(1, seconds < 10 ? Math.ceil(seconds) : Math.round(seconds / 5) * 5)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
}

/** "1 layer", "3 layers". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** "Ink", "Ink and Wash", "Ink, Wash and Grain". */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** A file name of a picture or a style, without its ending: no signs that file systems refuse. */
export function fileStem(name: string, otherwise: string): string {
  const safe = name
    .replace(/[^\p{L}\p{N} ._-]+/gu, ' ')
    .trim()
    .replace(/\s+/g, '-');
  return safe || otherwise;
}

export function pictureFileName(name: string): string {
  return `${fileStem(name, 'picture')}.png`;
}
