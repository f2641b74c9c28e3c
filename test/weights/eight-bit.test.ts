/** Weights in 8 bits: what rounding may do, the file they are kept in, and a linear layer of them both ways. */
import { join } from 'node:path';
import { gradients } from '../../engine/autodiff/gradients';
import { GraphBuilder } from '../../engine/graph/builder';
import { Scope } from '../../engine/nets/scope';
import { Random } from '../../engine/tensor/random';
import { floatsToHalves, halvesToFloats } from '../../engine/tensor/half';
import { f32 } from '../../engine/tensor/tensor';
import { blockFor, toBlocks } from '../../engine/weights/eight-bit/blocks';
import { describeEightBit, eightBitFile, openEightBit, SCALES } from '../../engine/weights/eight-bit/file';
import { memoryStore } from '../support/memory-store';
import { openWeights, weightSet, type WeightSet } from '../../engine/weights/folder';
import { nodeFolder } from '../../engine/weights/node-folder';
import { openSafetensors, readFloats, writeSafetensors, type TensorToWrite } from '../../engine/weights/safetensors';
import { bytesSource } from '../../engine/weights/source';
import { runFinished } from '../support/run-graph';

test('no number is off by more than half a step of its block, and the largest keep theirs', () => {
  const random = new Random(5);
  const values = Float32Array.from(random.normals(64 * 40), (x, i) => x * 10 ** ((Math.floor(i / 64) % 12) - 8));
  values.fill(0, 64, 128);
  values[130] = -1000;
  const { integers, scales } = toBlocks(values, 64)!;
  for (let block = 0; block < 40; block++) {
    const from = block * 64;
    const numbers = values.subarray(from, from + 64);
    const largest = Math.max(...numbers.map(Math.abs));
    expect(scales[block]).toBe(Math.fround(largest / 127));
    const off = numbers.map((x, i) => Math.abs(x - integers[from + i]! * scales[block]!));
    expect(Math.max(...off)).toBeLessThanOrEqual((scales[block]! / 2) * (1 + 1e-6));
    expect(Math.max(...integers.subarray(from, from + 64).map(Math.abs))).toBe(block === 1 ? 0 : 127);
  }
  // Symmetric: the negative numbers give the negative integers.
  const negative = toBlocks(
    values.map((x) => -x),
    64,
  )!.integers;
  expect(Array.from(integers).filter((x, i) => Math.abs(x + negative[i]!) > 1)).toEqual([]);
  // Far below any weight a block stays zero, and overflows nothing.
  expect(toBlocks(new Float32Array(8).fill(1e-43), 8)!.integers).toEqual(new Int8Array(8));
  for (const bad of [NaN, Infinity, -Infinity]) expect(toBlocks(values.with(700, bad), 64)).toBeUndefined();
});

test.each([
  [1280 * 1280, 64],
  [12 * 40, 32],
  [12 * 12, 16],
  [8 * 9, 8],
  [4 * 9, undefined],
])('a matrix of %i numbers has blocks of %s', (count, block) => expect(blockFor(count)).toBe(block));

async function made(tensors: readonly TensorToWrite[]): Promise<WeightSet> {
  const file = await openSafetensors(bytesSource('net', writeSafetensors(tensors)));
  return weightSet('net', [file], new Map([...file.tensors.values()].map((entry) => [entry.name, { file, entry }])));
}

const OUT = 12;
const WIDTH = 16;
const wave = (n: number, step: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i * step));
const MATRIX = wave(OUT * WIDTH, 0.7);

const linearLayer = (): Promise<WeightSet> =>
  made([
    { name: 'proj.weight', dtype: 'F16', shape: [OUT, WIDTH], data: MATRIX },
    { name: 'proj.bias', dtype: 'F16', shape: [OUT], data: wave(OUT, 0.3) },
    { name: 'other.weight', dtype: 'F32', shape: [OUT, WIDTH], data: MATRIX },
    { name: 'odd.weight', dtype: 'F32', shape: [3, 3], data: wave(9, 0.3) },
    { name: 'conv.weight', dtype: 'F16', shape: [2, 4, 1, 1], data: wave(8, 0.3) },
  ]);

const chosen = (name: string): boolean => !name.startsWith('other');

test('in the file chosen matrices are integers and scales, and everything else is as it was', async () => {
  const stored = await linearLayer();
  const file = eightBitFile(stored, chosen);
  const source = await memoryStore.open('net in 8 bits', 'key', file);
  expect(source.size).toBe(file.size);
  const opened = await openEightBit(stored, source);
  const kinds = Object.fromEntries(opened.names().map((name) => [name, opened.get(name)!.entry.dtype]));
  expect(kinds).toEqual({
    'proj.weight': 'I8',
    [`proj.weight${SCALES}`]: 'F32',
    'proj.bias': 'F16',
    'other.weight': 'F32',
    'odd.weight': 'F32',
    'conv.weight': 'I8',
    [`conv.weight${SCALES}`]: 'F32',
  });
  for (const name of ['proj.bias', 'other.weight', 'odd.weight']) {
    expect(await opened.floats(name)).toEqual(await stored.floats(name));
  }
  // What was described before it was made is what it became.
  const described = describeEightBit(stored, chosen);
  expect(described.names()).toEqual(opened.names());
  for (const name of opened.names()) {
    expect(described.get(name)!.entry).toEqual(opened.get(name)!.entry);
  }
});

test('a linear layer in 8 bits computes with the rounded matrix, forward and backward', async () => {
  const stored = await linearLayer();
  const source = await memoryStore.open('net in 8 bits', 'key', eightBitFile(stored, chosen));
  const weights = await openEightBit(stored, source);
  const rows = 5;
  const [x, g] = [wave(rows * WIDTH, 0.9), wave(rows * OUT, 1.3)];
  const b = new GraphBuilder();
  const input = b.input('x', [rows, WIDTH]);
  const y = new Scope(b, weights).at('proj').linear(input, OUT);
  b.output('y', y);
  b.output('dx', gradients(b, b.reduceSum(b.mul(y, b.input('g', [rows, OUT]))), [input])[0]!);
  const files = new Map([[source.name, source]]);
  const results = await runFinished(b.finish(), { x: f32(x, [rows, WIDTH]), g: f32(g, [rows, OUT]) }, files);

  // Rounded here by other means: blocks of 64 of the matrix as it is in the file.
  const halves = halvesToFloats(floatsToHalves(MATRIX));
  const steps = Array.from({ length: 3 }, (_, i) => Math.max(...halves.slice(64 * i, 64 * i + 64).map(Math.abs)) / 127);
  const rounded = Array.from(halves, (w, i) => Math.round(w / steps[Math.floor(i / 64)]!) * steps[Math.floor(i / 64)]!);
  const bias = await stored.floats('proj.bias');
  const sum = (n: number, f: (i: number) => number): number =>
    Array.from({ length: n }, (_, i) => f(i)).reduce((p, q) => p + q, 0);
  const forward = Array.from({ length: rows * OUT }, (_, i) => {
    const [row, column] = [Math.floor(i / OUT), i % OUT];
    return bias[column]! + sum(WIDTH, (k) => x[row * WIDTH + k]! * rounded[column * WIDTH + k]!);
  });
  const backward = Array.from({ length: rows * WIDTH }, (_, i) => {
    const [row, column] = [Math.floor(i / WIDTH), i % WIDTH];
    return sum(OUT, (k) => g[row * OUT + k]! * rounded[k * WIDTH + column]!);
  });
  forward.forEach((value, i) => expect(results['y']!.data[i]).toBeCloseTo(value, 5));
  backward.forEach((value, i) => expect(results['dx']!.data[i]).toBeCloseTo(value, 5));
  // And the rounding is there.
  expect(Math.max(...rounded.map((w, i) => Math.abs(w - halves[i]!)))).toBeGreaterThan(1e-3);
});

test('a matrix that is not finite is refused by name', async () => {
  const damaged = await made([{ name: 'proj.weight', dtype: 'F32', shape: [OUT, WIDTH], data: MATRIX.with(3, NaN) }]);
  await expect(memoryStore.open('net', 'key', eightBitFile(damaged, chosen))).rejects.toThrow(
    'net: proj.weight holds numbers that are not finite; fetch the file again',
  );
});

test('integers of another origin, without scales, are still refused', async () => {
  const folder = await nodeFolder(join(__dirname, '../fixtures/tiny-model'));
  const weights = await openWeights(folder, 'unet');
  const source = await memoryStore.open(
    'unet',
    'key',
    eightBitFile(weights, (name) => name.endsWith('to_q.weight')),
  );
  const opened = await openEightBit(weights, source);
  const name = opened.names().find((one) => one.endsWith('to_q.weight'))!;
  const bare: WeightSet = { ...opened, get: (one) => (one.endsWith(SCALES) ? undefined : opened.get(one)) };
  const [out, width] = bare.get(name)!.entry.shape as [number, number];
  expect(() => new Scope(new GraphBuilder(), bare).weight(name, [out, width])).toThrow('is I8, which is not read');
  expect(await readFloats(opened.get(name)!.file, `${name}${SCALES}`)).not.toContain(0);
});
