/**
 * Reverse-mode differentiation of a graph under construction. All bookkeeping lives here: which nodes matter, sums of
 * gradients that meet, and sums over broadcast axes. The rules (rules.ts) only know their own formula.
 */
import { normalizeAxis, sameShape, showShape, type Shape } from '../tensor/shape';
import type { GraphBuilder } from '../graph/builder';
import { GraphError, nameOf, type Node, type Value } from '../graph/graph';
import { AFTER, backwardStage } from '../graph/stages';
import type { OpKind } from '../graph/ops';
import type { Rule } from './rule';
import { RULES } from './rules';

/**
 * Appends to `b` the gradients of a scalar with respect to each target.
 *
 * The walk enters only nodes on a path from a target to the loss, so frozen weights cost nothing. What it appends is in
 * the stages of the way back, and what is appended after it in the stage after all of them.
 *
 * @param loss a value of shape [].
 * @returns one value per target, of the target's shape.
 * @throws GraphError when the loss is not a scalar, does not depend on a target, or a path crosses an operation that
 *   is not differentiable.
 */
export function gradients(b: GraphBuilder, loss: Value, targets: readonly Value[]): Value[] {
  if (loss.shape.length !== 0) throw new GraphError(`the loss must be a scalar, not ${showShape(loss.shape)}`);
  const path = nodesBetween(b.nodes, loss, targets);
  const active = new Set<Value>(targets);
  for (const node of path) for (const output of node.outputs) active.add(output);

  const gradientOf = new Map<Value, Value>([[loss, b.scalar(1, loss.dtype === 'f16' ? 'f16' : 'f32')]]);
  for (const node of path.reverse()) {
    const gradient = gradientOf.get(node.outputs[0]!);
    for (const other of node.outputs.slice(1)) {
      if (gradientOf.has(other)) throw new GraphError(`${node.op.kind} is differentiable in its first output only`);
    }
    if (!gradient) continue;
    const needs = (i: number): boolean => node.inputs[i] !== undefined && active.has(node.inputs[i]);
    b.enterStage(backwardStage(node.stage));
    const contributions = applyRule(b, node, gradient, needs);
    contributions.forEach((contribution, i) => {
      if (!contribution || !needs(i)) return;
      const input = node.inputs[i]!;
      const fitted = sumTo(b, contribution, input.shape);
      const sofar = gradientOf.get(input);
      gradientOf.set(input, sofar ? sum(b, sofar, fitted) : fitted);
    });
  }
  b.enterStage(AFTER);
  return targets.map((target) => {
    const gradient = gradientOf.get(target);
    if (!gradient) throw new GraphError(`the loss does not depend on ${nameOf(target)}`);
    return gradient;
  });
}

function applyRule(
  b: GraphBuilder,
  node: Node,
  gradient: Value,
  needs: (i: number) => boolean,
): readonly (Value | undefined)[] {
  const rule = RULES[node.op.kind];
  if (rule === 'stops') return [];
  if (rule === 'not differentiable') throw new GraphError(`${node.op.kind} is not differentiable`);
  // The table is keyed by kind, so the rule and the op agree; TypeScript cannot follow that through the union.
  return (rule as Rule<OpKind>)({
    b,
    op: node.op as never,
    inputs: node.inputs,
    outputs: node.outputs,
    gradient,
    needs,
  });
}

/**
 * p + q. The gradients of the halves of a value cut in two (a gated layer's) are padded with zeros to the whole; then
 * their sum is the halves side by side.
 */
function sum(b: GraphBuilder, p: Value, q: Value): Value {
  return besides(b, p, q) ?? besides(b, q, p) ?? b.add(p, q);
}

/** The concatenation that p + q is when p has zeros after, along one axis, exactly where q has its values. */
function besides(b: GraphBuilder, p: Value, q: Value): Value | undefined {
  if (p.source.kind !== 'node' || q.source.kind !== 'node') return undefined;
  const [left, right] = [p.source.node, q.source.node];
  if (left.op.kind !== 'Pad' || right.op.kind !== 'Pad') return undefined;
  const [first, second] = [left.inputs[0]!, right.inputs[0]!];
  const axis = left.op.after.findIndex((zeros) => zeros > 0);
  const only = (pads: readonly number[], at: number, zeros: number): boolean =>
    pads.every((pad, i) => pad === (i === at ? zeros : 0));
  const meet =
    axis >= 0 &&
    only(left.op.before, -1, 0) &&
    only(left.op.after, axis, second.shape[axis]!) &&
    only(right.op.before, axis, first.shape[axis]!) &&
    only(right.op.after, -1, 0);
  return meet ? b.concat([first, second], axis) : undefined;
}

/** Nodes that depend on a target and on which the loss depends, in topological order. */
function nodesBetween(nodes: readonly Node[], loss: Value, targets: readonly Value[]): Node[] {
  const dependent = new Set<Value>(targets);
  const downstream = nodes.filter((node) => {
    if (RULES[node.op.kind] === 'stops' || !node.inputs.some((input) => dependent.has(input))) return false;
    for (const output of node.outputs) dependent.add(output);
    return true;
  });
  const wanted = new Set<Value>([loss]);
  return downstream
    .reverse()
    .filter((node) => {
      if (!node.outputs.some((output) => wanted.has(output))) return false;
      for (const input of node.inputs) wanted.add(input);
      return true;
    })
    .reverse();
}

/** Sums a gradient over the axes along which its input was broadcast. */
export function sumTo(b: GraphBuilder, gradient: Value, shape: Shape): Value {
  if (sameShape(gradient.shape, shape)) return gradient;
  const lead = gradient.shape.length - shape.length;
  const axes = gradient.shape.flatMap((extent, i) =>
    i < lead || (shape[i - lead] === 1 && extent !== 1) ? [normalizeAxis(i, gradient.shape.length)] : [],
  );
  return b.reshape(b.reduceSum(gradient, axes, true), shape);
}
