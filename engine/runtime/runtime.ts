/** Opens a device, compiles graphs for it, and keeps tensors on it. */
import type { Graph } from '../graph/graph';
import { emitModel, type EmitOptions } from '../onnx/emit';
import type { HostTensor } from '../tensor/tensor';
import type { Backend, DeviceInfo, DeviceOptions } from './backend';
import { RuntimeCore } from './core';
import { DeviceTensor } from './device-tensor';
import type { MemoryReport } from './memory';
import { Program } from './program';
import { checkWeights, heldBytes, WeightFiles, type WeightFile } from './weight-files';

export interface CompileOptions extends EmitOptions {
  /** What errors call the program. */
  readonly name?: string;
}

export class Runtime {
  readonly #core: RuntimeCore;
  readonly #files: WeightFiles;
  readonly #programs = new Set<Program>();

  /** Use openRuntime. */
  constructor(core: RuntimeCore) {
    this.#core = core;
    this.#files = new WeightFiles(core.memory);
  }

  get device(): DeviceInfo {
    return this.#core.device.info;
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
    const flipConvTranspose = options.flipConvTranspose ?? core.device.info.kind !== 'webgpu';
    const model = emitModel(graph, { flipConvTranspose });
    const bytes = heldBytes(graph);
    const open = async () => {
      const externalData = await this.#files.mount(model.weightFiles, files);
      checkWeights(graph, externalData);
      return core.device.ort.InferenceSession.create(model.bytes, {
        ...core.device.sessionOptions(graph.outputs),
        externalData,
      });
    };
    const program: Program = new Program(core, options.name ?? 'graph', graph, open, () => {
      core.memory.add('programs', -bytes);
      this.#programs.delete(program);
    });
    await program.load();
    core.memory.add('programs', bytes);
    this.#programs.add(program);
    return program;
  }

  /** Copies a host tensor to the device. */
  async upload(tensor: HostTensor): Promise<DeviceTensor> {
    const { core } = { core: this.#core };
    return core.call('upload a tensor', async () => new DeviceTensor(core, tensor, core.device.upload(tensor)));
  }

  memory(): MemoryReport {
    return this.#core.memory.report();
  }

  /** Drops the weight files' bytes from host memory, when no more compiling is ahead. */
  forgetFiles(): void {
    this.#files.clear();
  }

  /** Disposes every program and tensor, then the device; waits for what is under way. */
  async dispose(): Promise<void> {
    const core = this.#core;
    for (const tensor of core.tensors) tensor.dispose();
    for (const program of this.#programs) program.dispose();
    core.end();
    await core.queue.run(() => {
      this.#files.clear();
      core.device.close();
    });
  }
}

/** Opens the device that `options` ask for, in the build of ONNX Runtime that `backend` wraps. */
export async function openRuntime(backend: Backend, options: DeviceOptions = {}): Promise<Runtime> {
  return new Runtime(new RuntimeCore(await backend.open(options)));
}
