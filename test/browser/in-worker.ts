/** In the page: the engine in its worker, as a plugin's panel uses it. */
import { pairTimes, type RestyleTimes } from '../../bench/engine/pair-times';
import type { EngineDescription } from '../../engine/engine';
import type { Image } from '../../engine/image/image';
import type { LearnRequest, Phase, Progress } from '../../engine/requests';
import type { MemoryReport } from '../../engine/runtime/memory';
import { EngineClient } from '../../engine/worker/client';
import type { ModelLocation, OpenRequest } from '../../engine/worker/protocol';
import { fetchBytes } from './shims/fetch';

const SCRIPT = 'dist/web/engine-worker.js';

/** A promise that nobody handles would be lost in a worker; made an error, it fails the worker and so the test. */
const REPORT_UNHANDLED = 'addEventListener("unhandledrejection", (e) => setTimeout(() => { throw e.reason; }));\n';

export interface WorkerSetting {
  /** 'blob': as where no script can be fetched, like the embedded plugin. */
  readonly script: 'url' | 'blob';
  /** The build of ONNX Runtime. */
  readonly wasmFile: string;
  readonly model: string;
  /** Paths within the model's folder to hand over as Blobs; without them the worker fetches. */
  readonly files?: readonly string[];
  /** As many as help when left out. */
  readonly threads?: number;
}

let client: EngineClient;
let style: Uint8Array;

export async function openInWorker({
  script,
  wasmFile,
  model,
  files,
  threads,
}: WorkerSetting): Promise<EngineDescription> {
  client = EngineClient.inWorker(new Worker(script === 'url' ? `/${SCRIPT}` : await blobScript()));
  const wasm: OpenRequest['wasm'] = new Map([
    [wasmFile, script === 'url' ? `${location.origin}/dist/web/${wasmFile}` : await fetchBytes(`dist/web/${wasmFile}`)],
  ]);
  return client.open({
    model: await locate(model, files),
    wasm,
    device: { device: 'wasm', ...(threads && { threads }) },
  });
}

async function blobScript(): Promise<string> {
  const code = await fetchBytes(SCRIPT);
  return URL.createObjectURL(new Blob([REPORT_UNHANDLED, code], { type: 'text/javascript' }));
}

async function locate(name: string, files: readonly string[] | undefined): Promise<ModelLocation> {
  if (!files) return { kind: 'url', name, url: `${location.origin}/${name}` };
  const blobs = files.map(async (path) => [path, new Blob([await fetchBytes(`${name}/${path}`)])] as const);
  return { kind: 'files', name, files: new Map(await Promise.all(blobs)) };
}

/** Pixels of a PNG of the repository. */
export async function readPicture(path: string): Promise<Image> {
  const bitmap = await createImageBitmap(new Blob([await fetchBytes(path)]));
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')!;
  context.drawImage(bitmap, 0, 0);
  const { width, height, data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  return { width, height, data };
}

export type PairRequest = Pick<LearnRequest, 'prompt' | 'style' | 'steps' | 'contentSteps' | 'rank'> & {
  readonly before: string;
  readonly after: string;
};

async function learn(request: PairRequest, onProgress: (progress: Progress) => void, signal?: AbortSignal) {
  const [before, after] = [await readPicture(request.before), await readPicture(request.after)];
  return client.learn({ ...request, before, after }, { onProgress, ...(signal && { signal }) });
}

/** Learns and keeps the style for restyleInWorker. */
export async function learnInWorker(request: PairRequest) {
  const phases = new Set<Phase>();
  const result = await learn(request, ({ phase }) => phases.add(phase));
  style = result.style;
  return { losses: result.losses, steps: result.steps, bytes: style.length, phases: [...phases] };
}

/** Starts learning and cancels it when `step` steps are done. */
export async function cancelLearning(request: PairRequest, step: number) {
  const controller = new AbortController();
  let last: Progress | undefined;
  try {
    await learn(
      request,
      (progress) => {
        last = progress;
        if (progress.phase === 'learn' && progress.step === step) controller.abort();
      },
      controller.signal,
    );
    return { error: 'none', step: last!.step, checkpoint: 0 };
  } catch (error) {
    return { error: (error as Error).name, step: last!.step, checkpoint: last!.checkpoint?.length ?? 0 };
  }
}

/** How a picture restyled with the learned style differs from the picture. */
export async function restyleInWorker(path: string, strength: number) {
  const picture = await readPicture(path);
  const styles = [{ file: style, strength }];
  const restyled = await client.restyle({ image: picture, styles, prompt: 'a bell', steps: 4, start: 0.5 });
  let [colours, alphas] = [0, 0];
  restyled.data.forEach((value, i) => {
    if (value === picture.data[i]) return;
    if (i % 4 === 3) alphas++;
    else colours++;
  });
  return { width: restyled.width, height: restyled.height, length: restyled.data.length, colours, alphas };
}

/** How long restyling by pairs takes (bench/engine/pair.mjs). */
export const pairTimesInWorker = (side: number, rounds: number): Promise<RestyleTimes> =>
  pairTimes(client, side, rounds);

/** Name and message of the error that opening throws. */
export async function refusalInWorker(setting: WorkerSetting): Promise<{ name: string; message: string }> {
  try {
    await openInWorker(setting);
  } catch (error) {
    await client.dispose();
    const { name, message } = error as Error;
    return { name, message };
  }
  throw new Error(`${setting.model} was opened`);
}

export const memoryInWorker = (): Promise<MemoryReport> => client.memory();

/** Gives everything back; what is still held. */
export const disposeInWorker = (): Promise<MemoryReport> => client.dispose();

/** What a call ends with whose worker closes itself, without an error, in the middle of it. */
export async function vanishingWorker(): Promise<string> {
  const code = await fetchBytes(SCRIPT);
  const vanish = 'addEventListener("message", ({ data }) => data === "vanish" && close());\n';
  const worker = new Worker(URL.createObjectURL(new Blob([vanish, code], { type: 'text/javascript' })));
  const vanishing = EngineClient.inWorker(worker);
  await vanishing.memory();
  // The lock is taken in a moment of its own.
  await new Promise((wake) => setTimeout(wake, 300));
  worker.postMessage('vanish');
  const answer = await vanishing.memory().then(
    () => 'an answer',
    (error: Error) => `${error.name}: ${error.message}`,
  );
  await vanishing.dispose();
  return answer;
}

/** Asks a host elsewhere for something, from a worker: to prove that a test would notice. */
export function strayFromWorker(url: string): Promise<void> {
  const code = `fetch(${JSON.stringify(url)}).catch(() => 0).then(() => postMessage(0))`;
  const worker = new Worker(URL.createObjectURL(new Blob([code])));
  return new Promise((resolve) => {
    worker.onmessage = () => {
      worker.terminate();
      resolve();
    };
  });
}
