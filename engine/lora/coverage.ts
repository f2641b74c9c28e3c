/** How much of an adapter file acts on a net, and what the rest is. */
import { InputError } from '../errors';
import type { AdapterFile } from './adapter-file';
import type { TargetModule } from './target-modules';

export interface Coverage {
  /** Modules that act, of all that the file holds. */
  readonly applied: number;
  readonly modules: number;
  /** What the others are and how many, the most frequent first. */
  readonly notApplied: readonly { readonly reason: string; readonly count: number }[];
}

/** @param targets of the net it is used with; without them all that is read counts as applied. */
export function coverageOf(
  file: Pick<AdapterFile, 'targets' | 'ignored'>,
  targets?: readonly TargetModule[],
): Coverage {
  const reasons = new Map<string, number>();
  const note = (reason: string): void => void reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  for (const { reason } of file.ignored) note(reason);
  const known = targets && new Set(targets.map(({ name }) => name));
  let applied = 0;
  for (const name of file.targets.keys()) {
    if (!known || known.has(name)) applied++;
    else note('not in this base model');
  }
  const notApplied = [...reasons].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count);
  return { applied, modules: file.targets.size + file.ignored.length, notApplied };
}

/** "2 of 80 modules are applied; not applied: 78 that are DoRA". */
export function describeCoverage({ applied, modules, notApplied }: Coverage): string {
  if (notApplied.length === 0) return `all ${modules} modules are applied`;
  const rest = notApplied.map(({ reason, count }) => `${count} ${reason}`).join(', ');
  return `${applied} of ${modules} modules are applied; not applied: ${rest}`;
}

/** What is wrong with an adapter of which less than half acts: it would not look as its maker meant. */
export function tooLittle(name: string, coverage: Coverage): string | undefined {
  if (2 * coverage.applied >= coverage.modules) return undefined;
  return `${name}: only ${describeCoverage(coverage)}; choose a plain LoRA made for this base model, or force it (--force)`;
}

/** Throws an InputError for such an adapter, unless forced. */
export function requireHalf(name: string, coverage: Coverage, force = false): void {
  const problem = force ? undefined : tooLittle(name, coverage);
  if (problem !== undefined) throw new InputError(problem);
}
