/** Opens a device, compiles graphs for it, and keeps tensors on it. */
import type { Graph } from '../graph/graph';
import { emitModel, inputName, outputName, type EmitOptions } from '../onnx/emit';
import type { HostTensor } from '../tensor/tensor';
import type { Backend, Device, DeviceInfo, DeviceOptions } from './backend';
import { RuntimeCore } from './core';
import { DeviceTensor } from './device-tensor';
import type { MemoryReport } from './memory';
import { Program } from './program';
import { SharedWeights, weightsAsInputs, type TakenWeights, type WeightInput } from './shared-weights';
import { checkWeights, filesNamed, heldBytes, weightFilesOf, WeightFiles, type WeightFile } from './weight-files';

/** `flipConvTranspose` is chosen for the device unless given. */
export interface CompileOptions extends EmitOptions {
  /** What errors call the program. */
  readonly name?: string;
  /** The graph computes some values twice on purpose, to hold fewer at once: do not merge them. */
  readonly recompute?: boolean;
  /** Memory before speed: SessionPlan.lean. */
  readonly lean?: boolean;
}

export class Runtime {
  readonly #core: RuntimeCore;
  readonly #files: WeightFiles;
  readonly #shared: SharedWeights | undefined;
  readonly #programs = new Set<Program>();
  #disposed: Promise<void> | undefined;

  /** Use openRuntime. */
  constructor(core: RuntimeCore) {
    this.#core = core;
    this.#files = new WeightFiles(core.memory);
    const { weights } = core.device;
    this.#shared = weights && new SharedWeights(weights, core.memory);
  }

  get device(): DeviceInfo {
    return this.#core.device.info;
  }

  /** Whether programs of large models share their weights, so that one more program takes no more of them. */
  get sharesWeights(): boolean {
    return this.#shared !== undefined;
  }

  /**
   * A program for the graph, its weights read from `files` by their references' keys. Throws a GraphError when a
   * file is missing or too short, a DeviceError when the device refuses.
   */
  async compile(
    graph: Graph,
    files: ReadonlyMap<string, WeightFile> = new Map(),
    options: CompileOptions = {},
  ): Promise<Program> {
    const core = this.#core;
    core.assertOpen();
    const { device } = core;
    const flipConvTranspose = options.flipConvTranspose ?? device.info.kind !== 'webgpu';
    const emitOptions = { flipConvTranspose, foldsWeights: !(options.lean ?? false) };
    const withInputs = options.lean && device.weights ? weightsAsInputs(graph, device.weights) : undefined;
    const run = withInputs ? withInputs.graph : graph;
    const model = emitModel(run, emitOptions);
    const outputs = new Map([...graph.outputs].map(([name, value]) => [outputName(name), value]));
    const plan = { outputs, recompute: options.recompute ?? false, lean: options.lean ?? false };
    const named = filesNamed(weightFilesOf(graph), files);
    checkWeights(graph, named);
    const mapped = plan.lean && device.locate && mappedFiles(named, device.locate);
    const emitted = mapped ? emitModel(run, { ...emitOptions, locations: mapped.locations }) : model;
    const initializers = new Map([...named].filter(([key]) => model.weightFiles.includes(key)));
    const name = options.name ?? 'graph';
    // Read before the device is held, so that a slow download does not keep other programs waiting.
    if (!mapped) await this.#files.mount(named);
    core.assertOpen();
    const taken = withInputs && (await this.#take(name, withInputs.weights, named));

    const bytes = heldBytes(run);
    const program: Program = new Program(core, name, graph, {
      open: async () => {
        // Another phase of the work begins: its tensors have other sizes.
        device.trim();
        const sessionOptions = device.sessionOptions(plan);
        const weights = mapped
          ? { extra: withFolder(sessionOptions.extra, mapped.folder) }
          : { externalData: await this.#files.mount(initializers) };
        return device.ort.InferenceSession.create(emitted.bytes, { ...sessionOptions, ...weights });
      },
      weights: Object.fromEntries([...(taken?.tensors ?? [])].map(([input, tensor]) => [inputName(input), tensor])),
      onDispose: () => {
        taken?.giveBack();
        core.memory.add('programs', -bytes);
        this.#programs.delete(program);
      },
    });
    core.memory.add('programs', bytes);
    this.#programs.add(program);
    try {
      await program.load();
    } catch (error) {
      program.dispose();
      throw error;
    }
    return program;
  }

  /** Copies a host tensor to the device. */
  async upload(tensor: HostTensor): Promise<DeviceTensor> {
    const core = this.#core;
    return core.call('upload a tensor', async () => new DeviceTensor(core, tensor, core.device.upload(tensor)));
  }

  /** Bytes that work may take; undefined where the device does not know. */
  availableMemory(): number | undefined {
    return this.#core.device.availableMemory?.();
  }

  memory(): MemoryReport {
    return this.#core.memory.report();
  }

  /** Drops the weight files' bytes from host memory, when no more compiling is ahead. */
  forgetFiles(): void {
    this.#files.clear();
  }

  /** Disposes every program and tensor, then the device; waits for the call under way and refuses those queued. */
  dispose(): Promise<void> {
    this.#disposed ??= this.#close();
    return this.#disposed;
  }

  /** The weights of a program that are inputs, uploaded where no other program has them. */
  async #take(
    name: string,
    weights: ReadonlyMap<string, WeightInput>,
    named: ReadonlyMap<string, WeightFile>,
  ): Promise<TakenWeights> {
    const core = this.#core;
    const mounted = await this.#files.mount(named);
    const files = new Map(mounted.map(({ path, data }) => [path, { file: named.get(path)!, data }]));
    return core.call(`upload the weights of ${name}`, async () => {
      const taken = await this.#shared!.take(weights, files, () => core.assertOpen());
      try {
        core.assertSound();
        return taken;
      } catch (error) {
        taken.giveBack();
        throw error;
      }
    });
  }

  async #close(): Promise<void> {
    const core = this.#core;
    core.end();
    for (const program of [...this.#programs]) program.dispose();
    // The run under way may make tensors yet.
    await core.queue.run(() => undefined);
    for (const tensor of [...core.tensors]) tensor.dispose();
    this.#files.clear();
    core.device.close();
  }
}

/** Where ONNX Runtime finds the files to map; undefined when one does not lie on disk. */
function mappedFiles(
  files: ReadonlyMap<string, WeightFile>,
  locate: NonNullable<Device['locate']>,
): { folder: string; locations: ReadonlyMap<string, string> } | undefined {
  const paths = [...files.values()].map(({ path }) => path);
  if (paths.length === 0 || !paths.every((path) => path !== undefined)) return undefined;
  const { folder, locations } = locate(paths);
  return { folder, locations: new Map([...files.keys()].map((key, i) => [key, locations[i]!])) };
}

function withFolder(extra: Record<string, unknown> | undefined, folder: string): Record<string, unknown> {
  const session = extra?.['session'] as Record<string, string> | undefined;
  return { ...extra, session: { ...session, model_external_initializers_file_folder_path: folder } };
}

/** Opens the device that `options` ask for, in the build of ONNX Runtime that `backend` wraps. */
export async function openRuntime(backend: Backend, options: DeviceOptions = {}): Promise<Runtime> {
  return new Runtime(new RuntimeCore(await backend.open(options)));
}
