/** The parts of a graph (graph/partition.ts), each a program, run one after another as if they were one. */
import { GraphError, type Graph, type ValueType } from '../graph/graph';
import { isPassed, type Part } from '../graph/partition';
import type { DeviceTensor } from './device-tensor';
import type { Feeds, Program, Runnable } from './program';
import type { CompileOptions, Runtime } from './runtime';
import type { WeightFile } from './weight-files';

interface Step {
  readonly program: Program;
  /** Names of passed values that no later step takes. */
  readonly done: readonly string[];
}

/** Compiles the parts of a graph. */
export async function compileParts(
  runtime: Runtime,
  graph: Graph,
  parts: readonly Part[],
  files: ReadonlyMap<string, WeightFile>,
  options: CompileOptions,
): Promise<Runnable> {
  const steps: Step[] = [];
  try {
    for (const [i, part] of parts.entries()) {
      const name = `${options.name ?? 'graph'} (part ${i + 1} of ${parts.length})`;
      steps.push({ program: await runtime.compile(part.graph, files, { ...options, name }), done: part.done });
    }
  } catch (error) {
    for (const { program } of steps) program.dispose();
    throw error;
  }
  return new PartsProgram(graph, steps);
}

class PartsProgram implements Runnable {
  readonly inputs: ReadonlyMap<string, ValueType>;
  readonly outputs: ReadonlyMap<string, ValueType>;
  readonly #steps: readonly Step[];

  constructor(graph: Graph, steps: readonly Step[]) {
    this.inputs = graph.inputs;
    this.outputs = graph.outputs;
    this.#steps = steps;
  }

  async run(feeds: Feeds): Promise<Record<string, DeviceTensor>> {
    for (const name of Object.keys(feeds)) {
      if (!this.inputs.has(name))
        throw new GraphError(`there is no input ${name}; the inputs are ${[...this.inputs.keys()].join(', ')}`);
    }
    const passed = new Map<string, DeviceTensor>();
    const results: Record<string, DeviceTensor> = {};
    try {
      for (const { program, done } of this.#steps) {
        const taken = [...program.inputs.keys()].map((name) => [name, passed.get(name) ?? feeds[name]] as const);
        const made = await program.run(Object.fromEntries(taken.filter(([, tensor]) => tensor)) as Feeds);
        for (const [name, tensor] of Object.entries(made)) {
          if (isPassed(name)) passed.set(name, tensor);
          else results[name] = tensor;
        }
        for (const name of done) {
          passed.get(name)?.dispose();
          passed.delete(name);
        }
      }
      return results;
    } catch (error) {
      for (const tensor of [...passed.values(), ...Object.values(results)]) tensor.dispose();
      throw error;
    }
  }

  dispose(): void {
    for (const { program } of this.#steps) program.dispose();
  }
}
