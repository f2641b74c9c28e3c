/** Builds a graph, runs it once on onnxruntime-node, and reads every output. */
import { GraphBuilder } from '../../engine/graph/builder';
import type { Graph } from '../../engine/graph/graph';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { openRuntime } from '../../engine/runtime/runtime';
import type { WeightFile } from '../../engine/runtime/weight-files';
import type { HostTensor } from '../../engine/tensor/tensor';

export type Outputs = Record<string, HostTensor>;

/** `build` declares inputs, weights and outputs; `feeds` gives the inputs, `files` the weight files by key. */
export async function runGraph(
  build: (b: GraphBuilder) => void,
  feeds: Readonly<Record<string, HostTensor>> = {},
  files: ReadonlyMap<string, WeightFile> = new Map(),
): Promise<Outputs> {
  const b = new GraphBuilder();
  build(b);
  return runFinished(b.finish(), feeds, files);
}

/** Runs a finished graph once. */
export async function runFinished(
  graph: Graph,
  feeds: Readonly<Record<string, HostTensor>> = {},
  files: ReadonlyMap<string, WeightFile> = new Map(),
): Promise<Outputs> {
  const runtime = await openRuntime(nodeBackend, { threads: 1 });
  try {
    const program = await runtime.compile(graph, files);
    const outputs = await program.run(feeds);
    const read: Outputs = {};
    for (const [name, tensor] of Object.entries(outputs)) read[name] = await tensor.read();
    return read;
  } finally {
    await runtime.dispose();
  }
}
