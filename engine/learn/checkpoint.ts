/** A learning run on disk: the state of every adapter, the losses so far, and what the run was asked to do. */
import type { DiffusionModel } from '../diffusion/model';
import { InputError } from '../errors';
import { packedSize, upShape } from '../lora/packing';
import type { TargetModule } from '../lora/target-modules';
import { f32, type HostTensor } from '../tensor/tensor';
import { digest } from '../weights/fingerprint';
import { openSafetensors, readFloats, writeSafetensors, type TensorToWrite } from '../weights/safetensors';
import { bytesSource } from '../weights/source';
import type { LearnRequest, LossPoint } from '../requests';
import type { AdapterName } from './phases';
import type { Recipe } from './recipe';
import type { AdapterState, TrainerState } from './trainer';
import { stateNames } from './training-step';

export interface Checkpoint {
  /** Steps done, over all phases. */
  readonly step: number;
  readonly state: TrainerState;
  readonly losses: readonly LossPoint[];
}

const ADAPTERS: readonly AdapterName[] = ['content', 'style'];

/** @param identity names the request exactly; only a run of the same identity takes the checkpoint up. */
export function writeCheckpoint(checkpoint: Checkpoint, identity: string): Uint8Array {
  const tensors: TensorToWrite[] = [];
  const updates: Partial<Record<AdapterName, number>> = {};
  for (const name of ADAPTERS) {
    const state = checkpoint.state[name];
    if (!state) continue;
    updates[name] = state.updates;
    stateNames(name).forEach((key, i) =>
      tensors.push({ name: key, dtype: 'F32', shape: state.tensors[i]!.shape, data: state.tensors[i]!.data }),
    );
  }
  // A loss that a phase does not have is stored as NaN.
  const losses = checkpoint.losses.flatMap(({ step, content, style }) => [step, content ?? NaN, style ?? NaN]);
  tensors.push({ name: 'losses', dtype: 'F32', shape: [checkpoint.losses.length, 3], data: Float32Array.from(losses) });
  return writeSafetensors(tensors, {
    diptych_checkpoint: '1',
    identity,
    step: String(checkpoint.step),
    updates: JSON.stringify(updates),
  });
}

/** Throws an InputError when the bytes are no checkpoint, or one of another request. */
export async function readCheckpoint(
  bytes: Uint8Array,
  identity: string,
  targets: readonly TargetModule[],
  rank: number,
  steps: number,
): Promise<Checkpoint> {
  const file = await openSafetensors(bytesSource('the checkpoint', bytes));
  const { metadata } = file;
  if (metadata['diptych_checkpoint'] !== '1')
    throw new InputError('the checkpoint was not written by Diptych; learn without --resume');
  if (metadata['identity'] !== identity) {
    throw new InputError(
      'the checkpoint is of another run (images, prompts, settings or model differ); repeat the command it was made with, or learn without --resume',
    );
  }
  const updates = readUpdates(metadata['updates'] ?? '');
  const state: Partial<Record<AdapterName, AdapterState>> = {};
  const size = packedSize(targets, upShape(rank));
  for (const name of ADAPTERS) {
    const count = updates[name];
    if (count === undefined) continue;
    const tensors: HostTensor<'f32'>[] = [];
    for (const key of stateNames(name)) tensors.push(f32(await floats(file, key, size), [size]));
    state[name] = { updates: count, tensors: tensors as [HostTensor<'f32'>, HostTensor<'f32'>, HostTensor<'f32'>] };
  }
  const step = Number(metadata['step']);
  if (!Number.isInteger(step) || step < 0 || step > steps) throw damaged();
  const flat = await floats(file, 'losses');
  const losses = Array.from({ length: flat.length / 3 }, (_, i): LossPoint => {
    const [at, content, style] = flat.subarray(3 * i, 3 * i + 3) as unknown as [number, number, number];
    return { step: at, content: Number.isNaN(content) ? null : content, style: Number.isNaN(style) ? null : style };
  });
  return { step, state, losses };
}

function readUpdates(text: string): Partial<Record<AdapterName, number>> {
  try {
    const value = JSON.parse(text) as Record<string, unknown>;
    const entries = ADAPTERS.flatMap((name) => (Number.isInteger(value[name]) ? [[name, value[name] as number]] : []));
    return Object.fromEntries(entries) as Partial<Record<AdapterName, number>>;
  } catch {
    throw damaged();
  }
}

async function floats(
  file: Awaited<ReturnType<typeof openSafetensors>>,
  name: string,
  size?: number,
): Promise<Float32Array> {
  if (!file.tensors.has(name)) throw damaged();
  const data = await readFloats(file, name);
  if (size !== undefined && data.length !== size) throw damaged();
  return data;
}

function damaged(): InputError {
  return new InputError('the checkpoint is damaged; learn without --resume');
}

/** One string for everything that decides the result of a run. */
export function identityOf(
  request: LearnRequest,
  recipe: Recipe,
  { fingerprint, eightBit }: Pick<DiffusionModel, 'fingerprint' | 'eightBit'>,
): string {
  const images = [request.before, request.after].map(
    ({ width, height, data }) =>
      `${width}x${height}:${digest([new Uint8Array(data.buffer, data.byteOffset, data.byteLength)])}`,
  );
  const { phases, ...settings } = recipe;
  return JSON.stringify({
    ...settings,
    style: request.style,
    size: request.size,
    phases: phases.map(({ steps, rows }) => ({ steps, rows: rows(0) })),
    images,
    fingerprint,
    ...(eightBit && { weights: '8-bit' }),
  });
}
