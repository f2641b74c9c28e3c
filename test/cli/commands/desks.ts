/** Desks that are gone after the test, for the commands on a stand-in for the engine. */
import { TINY_MODEL } from '../../support/tiny-engine';
import { desk, type Desk } from '../desk';

export const MODEL = ['--model', TINY_MODEL];

const open: Desk[] = [];
afterEach(() => open.splice(0).forEach((made) => made.close()));

export function newDesk(...given: Parameters<typeof desk>): Desk {
  const made = desk(...given);
  open.push(made);
  return made;
}
