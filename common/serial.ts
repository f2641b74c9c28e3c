/** Tasks one after another, in the order they were asked for. */

export type Serial = <T>(task: () => Promise<T> | T) => Promise<T>;

/** A queue of its own. A task that fails fails its caller only. */
export function createSerial(): Serial {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const run = last.then(task);
    last = run.catch(() => undefined);
    return run;
  };
}
