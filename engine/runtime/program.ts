/** A compiled graph: checks what it is fed, runs, and recreates its session after a failure. */
import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { GraphError, type Graph, type ValueType } from '../graph/graph';
import { inputName, outputName } from '../onnx/emit';
import { sameShape, showShape } from '../tensor/shape';
import type { HostTensor } from '../tensor/tensor';
import { toOrt } from './convert';
import type { RuntimeCore } from './core';
import { DeviceTensor } from './device-tensor';

export type Feeds = Readonly<Record<string, DeviceTensor | HostTensor>>;

/** A program, or a sequence of them that stands for one. */
export interface Runnable {
  readonly inputs: ReadonlyMap<string, ValueType>;
  readonly outputs: ReadonlyMap<string, ValueType>;
  /** Runs once; see Program.run. */
  run(feeds: Feeds): Promise<Record<string, DeviceTensor>>;
  dispose(): void;
}

interface Session {
  /** Creates one; called again after a failed run. */
  readonly open: () => Promise<InferenceSession>;
  /** Weights that are inputs of the session, by their names in the model. */
  readonly weights: Readonly<Record<string, Tensor>>;
  readonly onDispose: () => void;
}

export class Program implements Runnable {
  readonly inputs: ReadonlyMap<string, ValueType>;
  readonly outputs: ReadonlyMap<string, ValueType>;
  readonly #core: RuntimeCore;
  readonly #name: string;
  readonly #source: Session;
  #session: InferenceSession | undefined;
  #disposed = false;

  /** Made by Runtime.compile only. */
  constructor(core: RuntimeCore, name: string, graph: Pick<Graph, 'inputs' | 'outputs'>, source: Session) {
    this.inputs = graph.inputs;
    this.outputs = graph.outputs;
    this.#core = core;
    this.#name = name;
    this.#source = source;
  }

  /** Creates the session now, so that a model the device refuses fails here. */
  async load(): Promise<void> {
    await this.#core.call(`compile ${this.#name}`, async () => {
      this.#session = await this.#source.open();
    });
  }

  /**
   * Runs once. Feeds are exactly the declared inputs; a HostTensor's data must not change until the run is done.
   * The caller disposes the returned tensors. Throws a GraphError on a feed that does not fit, a DeviceError when the
   * device fails.
   */
  async run(feeds: Feeds): Promise<Record<string, DeviceTensor>> {
    if (this.#disposed) throw new Error(`program ${this.#name} is used after it was disposed`);
    const tensors = this.#accept(feeds);
    return this.#core.call(`run ${this.#name}`, async () => {
      const session = (this.#session ??= await this.#source.open());
      const fetches = this.#fetches();
      try {
        const results = await session.run(tensors, fetches);
        this.#core.assertSound();
        return this.#collect(results);
      } catch (error) {
        for (const tensor of Object.values(fetches)) tensor?.dispose();
        // A session that failed once may hang or answer wrongly.
        this.#session = undefined;
        await session.release().catch(() => undefined);
        throw error;
      }
    });
  }

  /** Releases the session, after the runs that were asked for before. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    void this.#core.queue.run(async () => {
      await this.#session?.release().catch(() => undefined);
      this.#session = undefined;
      this.#core.device.trim();
      this.#source.onDispose();
    });
  }

  #accept(feeds: Feeds): Record<string, Tensor> {
    const fail = (message: string): never => {
      throw new GraphError(`program ${this.#name}: ${message}`);
    };
    for (const name of Object.keys(feeds)) {
      if (!this.inputs.has(name)) fail(`has no input ${name}; its inputs are ${[...this.inputs.keys()].join(', ')}`);
    }
    const tensors: Record<string, Tensor> = { ...this.#source.weights };
    for (const [name, type] of this.inputs) {
      const feed = feeds[name] ?? fail(`input ${name} is not fed`);
      if (feed.dtype !== type.dtype || !sameShape(feed.shape, type.shape)) {
        const [wanted, given] = [type, feed].map((t) => `${t.dtype}${showShape(t.shape)}`);
        fail(`input ${name} is ${wanted}, got ${given}`);
      }
      tensors[inputName(name)] =
        feed instanceof DeviceTensor ? feed.held(this.#core) : toOrt(this.#core.device.ort.Tensor, feed);
    }
    return tensors;
  }

  /** Where each output goes; null lets ONNX Runtime decide. */
  #fetches(): Record<string, Tensor | null> {
    const { device } = this.#core;
    return Object.fromEntries(
      [...this.outputs].map(([name, type]) => [outputName(name), device.allocate(type) ?? null]),
    );
  }

  #collect(results: InferenceSession.ReturnType): Record<string, DeviceTensor> {
    const tensors: Record<string, DeviceTensor> = {};
    for (const [name, type] of this.outputs) {
      tensors[name] = new DeviceTensor(this.#core, type, results[outputName(name)]!);
    }
    return tensors;
  }
}
