/** Compiled programs by key, the least recently used given up first. */
import { GraphBuilder } from '../graph/builder';
import { peakBytes, peakBytesOfParts } from '../graph/account';
import type { Graph } from '../graph/graph';
import { partition, type Part, type PartitionOptions } from '../graph/partition';
import { AFTER } from '../graph/stages';
import { compileParts } from './parts-program';
import type { Runnable } from './program';
import type { Runtime } from './runtime';
import { heldBytes, heldSpans, type WeightFile } from './weight-files';

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
  /** How large the parts of a training step become; tests of small models make it less. */
  partBytes: number = TRAINING_PARTS.products.partBytes;
  readonly #runtime: Runtime;
  readonly #files: ReadonlyMap<string, WeightFile>;
  readonly #limit: number;
  /** In order of last use. */
  readonly #programs = new Map<string, Promise<Runnable>>();
  /** What the programs of a large model take, by their keys. */
  readonly #takes = new Map<string, Takes>();
  /** Where programs do not share weights: those of a large model may hold each of its weights about once. */
  readonly #mostBytes: number;
  /** Where they do: the most that any program so far takes by itself, weights and work. */
  #greatest = 0;

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
    const takes = this.#takes.get(key);
    if (takes && this.#shares) {
      this.#takes.delete(key);
      this.#evict(takes);
      this.#takes.set(key, takes);
    }
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
    // Without a way back a session gives up values as it goes, and nothing is won by parts.
    const trains = this.lean && graph.nodes.some(({ stage }) => stage === AFTER);
    const parts = trains ? partition(graph, { partBytes: this.partBytes, keep: this.keep }) : undefined;
    const takes = { held: heldBytes(graph), spans: heldSpans(graph), work: this.lean ? workOf(graph, parts) : 0 };
    // Before the program takes its memory, not after.
    this.#evict(takes);
    this.#takes.set(key, takes);
    const options = { name: key, lean: this.lean };
    return parts
      ? compileParts(this.#runtime, graph, parts, this.#files, options)
      : this.#runtime.compile(graph, this.#files, options);
  }

  /** Makes room for a program that is not among the others. */
  #evict(next: Takes): void {
    const alone = sum(next.spans.values()) + next.work;
    this.#greatest = Math.max(this.#greatest, alone);
    for (const key of [...this.#programs.keys()]) {
      if (this.#programs.size < this.#limit && this.#fits(next)) return;
      const takes = this.#takes.get(key);
      const inTheWay = !takes || !this.#shares || [...takes.spans.keys()].some((span) => !next.spans.has(span));
      if (inTheWay || this.#programs.size >= this.#limit) this.#giveUp(key);
    }
  }

  /** Whether the programs that are there leave enough memory for another. */
  #fits(next: Takes): boolean {
    const all = [...this.#takes.values(), next];
    if (!this.#shares) return sum(all.map(({ held }) => held)) <= this.#mostBytes;
    // No job takes more memory than the program that takes most, which is what jobs are judged by (preflight.ts).
    return sum(new Map(all.flatMap(({ spans }) => [...spans])).values()) + next.work <= this.#greatest;
  }

  get #shares(): boolean {
    return this.lean && this.#runtime.sharesWeights;
  }

  #giveUp(key: string): void {
    const program = this.#programs.get(key);
    this.#programs.delete(key);
    this.#takes.delete(key);
    void program?.then(
      (p) => p.dispose(),
      () => undefined,
    );
  }
}

/** What a program takes, bytes. */
interface Takes {
  /** Weights and constants. */
  readonly held: number;
  /** Each weight, by where it lies. */
  readonly spans: ReadonlyMap<string, number>;
  /** What is alive at once when it runs. */
  readonly work: number;
}

function workOf(graph: Graph, parts: readonly Part[] | undefined): number {
  return parts ? peakBytesOfParts(parts) : peakBytes(graph);
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, x) => total + x, 0);
}
