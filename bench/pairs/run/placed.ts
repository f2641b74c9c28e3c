/** What a store holds, as a suite stands now. */
import { readTask, type Task } from '../suite/task-file';
import type { Refusal, Store } from './store';
import type { Placed } from './summary';

export interface PlacedRun {
  readonly results: readonly Placed[];
  readonly refusals: readonly Refusal[];
}

/** Results and refusals of some tasks' pairs as they are, with the tasks' kinds. */
export async function placeRun(suite: string, names: readonly string[], store: Store): Promise<PlacedRun> {
  const tasks = new Map(await Promise.all(names.map(async (name) => [name, await readTask(suite, name)] as const)));
  const current = ({ task, pair }: { task: string; pair: string }): Task | undefined => {
    const known = tasks.get(task);
    return known?.digest === pair ? known : undefined;
  };
  return {
    results: store.results.flatMap((result) => {
      const task = current(result);
      return task ? [{ ...result, kind: task.kind, split: task.split }] : [];
    }),
    refusals: store.refusals.filter(current),
  };
}
