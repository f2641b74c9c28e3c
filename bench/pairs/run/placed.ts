/** Stored results as a suite places them. */
import { readTask } from '../suite/task-file';
import type { Store } from './store';
import type { Placed } from './summary';

/** The stored results of tasks as they stand, with their kinds. */
export async function placeResults(suite: string, names: readonly string[], store: Store): Promise<Placed[]> {
  const tasks = new Map(await Promise.all(names.map(async (name) => [name, await readTask(suite, name)] as const)));
  return store.results.flatMap((result) => {
    const task = tasks.get(result.task);
    return task && task.digest === result.pair ? [{ ...result, kind: task.kind, split: task.split }] : [];
  });
}
