/** ONNX Runtime's threads in a browser: workers of the same script, which must serve them. */
import type { WebBuild } from '../runtime/web-builds';

/** What ONNX Runtime calls the workers that are its threads. */
const THREAD_NAME = 'em-pthread';

/**
 * Serves as a thread if this worker was started to be one, and says whether it was. A script that may run ONNX Runtime
 * with threads calls it first. The build is named in the script's URL, where build.mjs has ONNX Runtime put it.
 */
export function servesAsThread(builds: readonly WebBuild[]): boolean {
  if (!self.name.startsWith(THREAD_NAME)) return false;
  const wasmFile = location.hash.slice(1);
  const build = builds.find((candidate) => candidate.wasmFile === wasmFile);
  if (!build) throw new Error(`a thread of an unknown build of ONNX Runtime: ${wasmFile}`);
  // On loading, the build sees the name of its worker and waits for the thread's work.
  void build.load();
  return true;
}
