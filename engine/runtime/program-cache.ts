/** Compiled programs by key, the least recently used given up first. */
import { GraphBuilder } from '../graph/builder';
import type { PartitionOptions } from '../graph/partition';
import { AFTER } from '../graph/stages';
import { compileParts } from './parts-program';
import type { Runnable } from './program';
import type { Runtime } from './runtime';
import { heldBytes, type WeightFile } from './weight-files';

/** A model whose weight files take this many bytes or more is run with memory in mind (SessionPlan.lean). */
const LARGE_MODEL = 2 ** 29;

/** Whether a model's weight files make it a large one. */
export function isLarge(files: ReadonlyMap<string, Pick<WeightFile, 'size'>>): boolean {
  return [...files.values()].reduce((sum, { size }) => sum + size, 0) >= LARGE_MODEL;
}

/** How a large model's training step is cut: to keep products takes less time, to keep nothing less memory. */
export const TRAINING_PARTS = {
  products: { partBytes: 2 ** 29, keep: 'products' },
  nothing: { partBytes: 2 ** 29, keep: 'nothing' },
} as const satisfies { readonly [K in PartitionOptions['keep']]: PartitionOptions };

export class ProgramCache {
  /** Whether the model is a large one. */
  readonly lean: boolean;
  /** What training steps of a large model keep for their way back. */
  keep: PartitionOptions['keep'] = 'products';
  readonly #runtime: Runtime;
  readonly #files: ReadonlyMap<string, WeightFile>;
  readonly #limit: number;
  /** In order of last use. */
  readonly #programs = new Map<string, Promise<Runnable>>();
  /** Weights that a program holds, by its key; bytes. */
  readonly #bytes = new Map<string, number>();
  /** Programs of a large model may hold each of its weights about once. */
  readonly #mostBytes: number;

  constructor(runtime: Runtime, files: ReadonlyMap<string, WeightFile>, limit = 12) {
    this.#runtime = runtime;
    this.#files = files;
    this.#limit = limit;
    const total = [...files.values()].reduce((sum, { size }) => sum + size, 0);
    this.lean = isLarge(files);
    this.#mostBytes = this.lean ? total : Infinity;
  }

  /**
   * The program of a graph, built and compiled on first use. The key must say everything `build` depends on. A program
   * stays valid until `limit` others have been asked for, and one of a large model until the next that needs its room.
   */
  get(key: string, build: (b: GraphBuilder) => void): Promise<Runnable> {
    const known = this.#programs.get(key);
    this.#programs.delete(key);
    const program = known ?? this.#compile(key, build);
    this.#programs.set(key, program);
    // A failed compilation is not remembered: the next call tries again.
    program.catch(() => {
      if (this.#programs.get(key) === program) this.#giveUp(key);
    });
    return program;
  }

  dispose(): void {
    for (const key of [...this.#programs.keys()]) this.#giveUp(key);
  }

  async #compile(key: string, build: (b: GraphBuilder) => void): Promise<Runnable> {
    const b = new GraphBuilder();
    build(b);
    const graph = b.finish();
    this.#bytes.set(key, heldBytes(graph));
    // Before the next program takes its memory, not after.
    this.#evict();
    const options = { name: key, lean: this.lean };
    // Without a way back a session gives up values as it goes, and nothing is won by parts.
    const trains = graph.nodes.some(({ stage }) => stage === AFTER);
    return this.lean && trains
      ? compileParts(this.#runtime, graph, this.#files, { ...options, ...TRAINING_PARTS[this.keep] })
      : this.#runtime.compile(graph, this.#files, options);
  }

  /** Makes room for a program whose bytes are known and which is not among the others yet. */
  #evict(): void {
    for (const key of [...this.#programs.keys()]) {
      const held = [...this.#bytes.values()].reduce((sum, bytes) => sum + bytes, 0);
      if (this.#programs.size < this.#limit && held <= this.#mostBytes) return;
      this.#giveUp(key);
    }
  }

  #giveUp(key: string): void {
    const program = this.#programs.get(key);
    this.#programs.delete(key);
    this.#bytes.delete(key);
    void program?.then(
      (p) => p.dispose(),
      () => undefined,
    );
  }
}
