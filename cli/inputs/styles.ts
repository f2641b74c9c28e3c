/** Which styles a command applies, and how strongly. */
import { InputError } from '../../engine/errors';
import type { AppliedStyle } from '../../engine/requests';
import { strengthPerStyle } from '../options';
import { exists } from '../outputs/output';
import { readStyleFile } from './style-files';

export interface StyleOptions {
  /** Styles beside the first, from --with. */
  readonly with?: readonly string[];
  readonly strength?: readonly number[];
}

/**
 * The files that are meant by STYLE[,STYLE...]. One that is there under the whole name, commas included, is that one;
 * so is one whose name begins or ends with a space.
 */
export async function stylePaths(text: string, more: readonly string[] = []): Promise<string[]> {
  const first = text.includes(',') && !(await exists(text)) ? text.split(',') : [text];
  const paths: string[] = [];
  for (const path of [...first, ...more]) {
    if (path.trim() === '') throw new InputError(`${text}: a style's name is empty; write STYLE or STYLE,STYLE`);
    paths.push(path === path.trim() || (await exists(path)) ? path : path.trim());
  }
  return paths;
}

export type NamedStyle = AppliedStyle & { readonly name: string };

/** The styles with a strength each. */
export async function readStyles(
  paths: readonly string[],
  strengths: readonly number[] | undefined,
): Promise<NamedStyle[]> {
  const values = strengthPerStyle(strengths, paths.length);
  return Promise.all(paths.map(async (name, i) => ({ name, file: await readStyleFile(name), strength: values[i]! })));
}
