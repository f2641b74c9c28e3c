/** Command lines as they would be typed again. */
import { basename, delimiter, dirname, relative, resolve } from 'node:path';
import { UNSAFE } from './terminal/printable';

/** A word as a shell needs it written: POSIX, or cmd and PowerShell. */
export function quote(word: string, platform: NodeJS.Platform = process.platform): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (platform === 'win32') return `"${word.replaceAll('"', '\\"')}"`;
  if (word.search(UNSAFE) < 0) return `'${word.replaceAll("'", `'\\''`)}'`;
  // ANSI-C quoting, of bash, zsh and POSIX since 2024: the word must not act on the terminal it is printed on.
  const escaped = word
    .replace(/[\\']/g, '\\$&')
    .replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `$'${escaped}'`;
}

/** The command line again, with an option more. */
export function withOption(argv: readonly string[], option: string): readonly string[] {
  if (argv.includes(option)) return argv;
  // What comes after "--" is a file, whatever it looks like.
  const end = argv.indexOf('--');
  return end < 0 ? [...argv, option] : [...argv.slice(0, end), option, ...argv.slice(end)];
}

/** What the user typed to start this program. */
export function invocation({ argv, env }: Pick<NodeJS.Process, 'argv' | 'env'>, cwd: string): string {
  // npx and `npm exec`, which put a command on the path for its own time only.
  if (env['npm_command'] === 'exec') return 'npx diptych';
  const script = argv[1] ?? '';
  const name = basename(script);
  const onPath = (env['PATH'] ?? '').split(delimiter).some((folder) => folder && resolve(folder) === dirname(script));
  if (onPath && !name.endsWith('.mjs')) return name;
  const near = relative(cwd, script);
  return `node ${quote(near.startsWith('..') ? script : near)}`;
}
