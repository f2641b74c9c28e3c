/** Entry of dist/cli/commands.mjs: the commands, loaded by the entry of the program (main.ts) where they run. */
import { runHere } from './host';
import { run } from './program';

export function runCommand(argv: readonly string[]): Promise<void> {
  return runHere(import.meta.url, (io) => run(argv, io));
}
