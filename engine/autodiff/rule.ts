/** What a gradient rule is given and gives; the rules are in rules.ts. */
import type { GraphBuilder } from '../graph/builder';
import type { Value } from '../graph/graph';
import type { OpKind, OpOf } from '../graph/ops';

export interface RuleContext<K extends OpKind> {
  readonly b: GraphBuilder;
  readonly op: OpOf<K>;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** Gradient of the loss with respect to the first output. */
  readonly gradient: Value;
  /** Whether the gradient of input i is wanted; a rule may skip the others. */
  readonly needs: (i: number) => boolean;
}

export type Rule<K extends OpKind> = (context: RuleContext<K>) => readonly (Value | undefined)[];
