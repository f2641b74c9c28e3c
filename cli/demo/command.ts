/** A command of the demo, which a user can type as well. */
export interface Command {
  readonly title: string;
  readonly argv: readonly string[];
}
