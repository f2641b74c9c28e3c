/** Compiled programs by key, the least recently used given up first. */
import { GraphBuilder } from '../graph/builder';
import type { Program } from './program';
import type { Runtime } from './runtime';
import type { WeightFile } from './weight-files';

export class ProgramCache {
  readonly #runtime: Runtime;
  readonly #files: ReadonlyMap<string, WeightFile>;
  readonly #limit: number;
  /** In order of last use. */
  readonly #programs = new Map<string, Promise<Program>>();

  constructor(runtime: Runtime, files: ReadonlyMap<string, WeightFile>, limit = 12) {
    this.#runtime = runtime;
    this.#files = files;
    this.#limit = limit;
  }

  /**
   * The program of a graph, built and compiled on first use. The key must say everything `build` depends on. A program
   * stays valid until `limit` others have been asked for.
   */
  get(key: string, build: (b: GraphBuilder) => void): Promise<Program> {
    const known = this.#programs.get(key);
    this.#programs.delete(key);
    const program = known ?? this.#compile(key, build);
    this.#programs.set(key, program);
    // A failed compilation is not remembered: the next call tries again.
    program.catch(() => this.#programs.delete(key));
    this.#evict();
    return program;
  }

  dispose(): void {
    for (const program of this.#programs.values())
      void program.then(
        (p) => p.dispose(),
        () => undefined,
      );
    this.#programs.clear();
  }

  async #compile(key: string, build: (b: GraphBuilder) => void): Promise<Program> {
    const b = new GraphBuilder();
    build(b);
    return this.#runtime.compile(b.finish(), this.#files, { name: key });
  }

  #evict(): void {
    for (const [key, program] of this.#programs) {
      if (this.#programs.size <= this.#limit) return;
      this.#programs.delete(key);
      void program.then(
        (p) => p.dispose(),
        () => undefined,
      );
    }
  }
}
