/** Every gradient rule and every branch of its attributes, against differences and on ONNX Runtime. */
import { RULES } from '../../engine/autodiff/rules';
import { CONTRACTION_CASES } from './cases-contraction';
import { ELEMENTWISE_CASES } from './cases-elementwise';
import { LAYOUT_CASES } from './cases-layout';
import { checkGradients, checkHalves } from './check-gradients';

const CASES = [...ELEMENTWISE_CASES, ...CONTRACTION_CASES, ...LAYOUT_CASES];

/** Checked in gradients.test.ts: it cannot be differenced. */
const ELSEWHERE = ['StopGradient'];

test('every operation with a rule has a case', () => {
  const covered = new Set<string>([...CASES.map(({ kind }) => kind), ...ELSEWHERE]);
  expect([...covered].sort()).toEqual(Object.keys(RULES).sort());
});

test.each(CASES.map((one) => [one.name, one] as const))('%s', (_, one) => checkGradients(one));

// Half floats reach the rules in graphs that compute in f16: each must keep its values' dtype.
test.each(CASES.map((one) => [one.name, one] as const))('in f16: %s', (_, one) => checkHalves(one));
