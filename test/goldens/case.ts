/** Reading golden cases (docs/golden.md) and comparing with them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { openRuntime, type Runtime } from '../../engine/runtime/runtime';
import { f32, type HostTensor } from '../../engine/tensor/tensor';
import { nodeFolder } from '../../engine/weights/node-folder';
import type { ModelFolder } from '../../engine/weights/folder';
import { openSafetensors, readFloats } from '../../engine/weights/safetensors';
import { bytesSource, type ByteSource } from '../../engine/weights/source';

export type Tensors = ReadonlyMap<string, HostTensor<'f32'>>;

export interface GoldenCase {
  readonly dir: string;
  readonly kind: string;
  readonly tolerance: number;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** The whole of case.json. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly inputs: Tensors;
  readonly expected: Tensors;
  /** The case folder as a model folder, for its unet/, vae/, ... parts. */
  readonly folder: ModelFolder;
}

export interface TensorError {
  readonly tensor: string;
  /** max |got - expected| / max |expected| */
  readonly error: number;
}

export async function readCase(dir: string): Promise<GoldenCase> {
  const json = JSON.parse(await readFile(join(dir, 'case.json'), 'utf8')) as Record<string, unknown>;
  if (json['format'] !== 1) throw new Error(`${dir}/case.json: format ${String(json['format'])} is not 1`);
  return {
    dir,
    kind: String(json['kind']),
    tolerance: Number(json['tolerance']),
    parameters: (json['parameters'] ?? {}) as Record<string, unknown>,
    json,
    inputs: await readTensors(join(dir, String(json['inputs']))),
    expected: await readTensors(join(dir, String(json['expected']))),
    folder: await nodeFolder(dir),
  };
}

/** All tensors of a safetensors file as f32; integers are widened. */
export async function readTensors(path: string): Promise<Tensors> {
  const file = await openSafetensors(bytesSource(path, await readFile(path)));
  const tensors = new Map<string, HostTensor<'f32'>>();
  for (const [name, entry] of file.tensors) {
    const bytes = await file.source.read(entry.offset, entry.length);
    const floats =
      entry.dtype === 'I32' ? Float32Array.from(new Int32Array(bytes.slice().buffer)) : await readFloats(file, name);
    tensors.set(name, f32(floats, entry.shape));
  }
  return tensors;
}

export function input(golden: GoldenCase, name: string): HostTensor<'f32'> {
  const tensor = golden.inputs.get(name);
  if (!tensor) throw new Error(`${golden.dir}: input ${name} is missing`);
  return tensor;
}

/** Compares what was computed with every expected tensor; one that is missing, misshapen or not finite counts as infinite. */
export function compare(expected: Tensors, got: ReadonlyMap<string, HostTensor>): TensorError[] {
  return [...expected].map(([tensor, wanted]) => {
    const found = got.get(tensor);
    if (!found || found.data.length !== wanted.data.length || found.shape.join() !== wanted.shape.join())
      return { tensor, error: Infinity };
    let difference = 0;
    let scale = 0;
    wanted.data.forEach((value, i) => {
      const off = Math.abs(Number(found.data[i]) - value);
      difference = Math.max(difference, Number.isNaN(off) ? Infinity : off);
      scale = Math.max(scale, Math.abs(value));
    });
    return { tensor, error: scale > 0 ? difference / scale : difference };
  });
}

export async function withRuntime<T>(use: (runtime: Runtime) => Promise<T>): Promise<T> {
  const runtime = await openRuntime(nodeBackend, { threads: 1 });
  try {
    return await use(runtime);
  } finally {
    await runtime.dispose();
  }
}

export function filesOf(
  ...sets: readonly { readonly files: readonly { readonly source: ByteSource }[] }[]
): Map<string, ByteSource> {
  return new Map(sets.flatMap(({ files }) => files.map(({ source }) => [source.name, source] as const)));
}
