/** In the page: the engine's side of the panel on the files of the hosted build, with workers that can be killed. */
import { modelAmong } from '../../ui/assets-model';
import { createPorts, type Ports } from '../../ui/engine/create';
import { openStore } from '../../ui/engine/models/opfs-store';
import type { LearnJob, ModelFiles, PanelAssets, Png, RestyleJob } from '../../ui/ports';
import { fetchBytes } from './shims/fetch';

const HOSTED = 'dist/hosted';
/** The same panel on the tests' tiny model. */
const TINY_HOSTED = 'dist/test/tiny-hosted';
/** On the tiny model long enough for checkpoints before the end. */
const STEPS = 60;

export async function hostedAssets(site = HOSTED): Promise<PanelAssets> {
  const html = await (await fetch(`/${site}/index.html`)).text();
  const text = new DOMParser().parseFromString(html, 'text/html').getElementById('files')!.textContent;
  const list = Object.entries(JSON.parse(text) as Record<string, { readonly url: string }>);
  const address = (name: string): string =>
    new URL(list.find(([file]) => file === name)![1].url, `${location.origin}/${site}/`).href;
  const within = (prefix: string): string[] =>
    list.flatMap(([name]) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []));
  const model = async (prefix: string): Promise<ModelFiles> => {
    const blob = async (name: string): Promise<Blob> => (await fetch(address(`${prefix}${name}`))).blob();
    return modelAmong(
      new Map(await Promise.all(within(prefix).map(async (name) => [name, await blob(name)] as const))),
    );
  };
  return {
    build: 'hosted',
    workerUrl: async () => address('engine-worker.js'),
    pictureWorkerUrl: async () => address('pictures-worker.js'),
    wasm: async () => new Map(within('wasm/').map((name) => [name, address(`wasm/${name}`)])),
    embeddedModel: () => model('model/'),
    pairModel: () => model('pair-model/'),
  };
}

/** Workers by the order in which they were started. */
const started: Worker[] = [];

/** As browsers end a worker that fails: it is gone, and its Worker object hears of an error. */
function kill(worker: Worker): void {
  worker.terminate();
  worker.dispatchEvent(new ErrorEvent('error', { message: 'killed by the test', cancelable: true }));
}

async function open(site: string): Promise<Ports> {
  const Plain = globalThis.Worker;
  globalThis.Worker = class extends Plain {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options);
      started.push(this);
    }
  };
  const assets = await hostedAssets(site);
  return createPorts(assets, { checkpointSeconds: 0.1 });
}

const hex = async (bytes: Uint8Array): Promise<string> =>
  Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as BufferSource)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');

/** Learns and restyles through the panel's ports, once undisturbed and once with the engine's worker killed in each. */
export async function learnThroughBreakdown(before: string, after: string) {
  const { engine } = await open(TINY_HOSTED);
  const pair = { before: await fetchBytes(before), after: await fetchBytes(after) };
  const job: LearnJob = {
    ...{ ...pair, prompt: 'a bell', style: 'line', steps: STEPS, contentSteps: 2 },
    ...{ rank: 4, learningRate: 0.002, seed: 1 },
  };
  const notices: string[] = [];
  engine.notice.subscribe((notice) => void (notice && notices.push(notice)));

  const whole = await engine.learn(job);
  const engines = started.length;
  let killAfter = Infinity;
  const steps: number[] = [];
  const broken = await engine.learn(job, {
    onCheckpoint: (_, step) => (killAfter = Math.min(killAfter, step + 1)),
    onProgress: ({ phase, step }) => {
      if (phase !== 'learn') return;
      steps.push(step);
      if (step > killAfter && steps.filter((s) => s === step).length === 1 && started.length === engines)
        kill(engineWorker());
    },
  });

  const restyle: RestyleJob = {
    ...{ picture: pair.before, styles: [{ file: whole.file, strength: 1 }], prompt: 'a bell' },
    ...{ guide: 'style' as const, steps: 4, seed: 0 },
  };
  const picture = await engine.restyle(restyle);
  let killed = false;
  const again = await engine.restyle(restyle, {
    onProgress: ({ phase }) => {
      if (phase === 'restyle' && !killed) {
        killed = true;
        kill(engineWorker());
      }
    },
  });
  await engine.dispose();
  return {
    styles: [await hex(whole.file), await hex(broken.file)],
    bytes: whole.file.length,
    steps,
    losses: [whole.losses, broken.losses],
    pictures: [await hex(picture), await hex(again)],
    sameAsOriginal: (await hex(picture)) === (await hex(pair.before)),
    notices,
  };
}

/** The engine's worker under way: the last but for the picture worker, which is started once. */
function engineWorker(): Worker {
  return started.at(-1)!;
}

/** Keeps, lists and deletes a file in the browser's own file system; what of it was there at each point. */
export async function keepInStorage() {
  const store = await openStore();
  const model = 'hub:org/model@a/b';
  const path = 'unet/weights.safetensors';
  const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);
  await store.writeIndex(model, { some: 'index' });
  await store.append(model, path, bytes(3, 1));
  await store.append(model, path, bytes(2, 2));
  // Another page of the same site sees what this one wrote.
  const other = await openStore();
  const whole = async (): Promise<number[]> => [
    ...new Uint8Array(await new Blob(await other.parts(model, path)).arrayBuffer()),
  ];
  const kept = { models: await other.models(), index: await other.readIndex(model), whole: await whole() };
  await store.removeFile(model, path);
  const removed = await whole();
  await store.removeModel(model);
  await store.removeModel(model);
  return { lasting: store.lasting, ...kept, removed, after: await other.models() };
}

/** Milliseconds of each step from a slider's release to the picture, and of previews while it moves. */
export async function timeTuning(before: string, after: string, side: number, ports?: Ports) {
  const { engine } = ports ?? (await open(HOSTED));
  const timed = async <T>(work: () => Promise<T>): Promise<[number, T]> => {
    const from = performance.now();
    const result = await work();
    return [Math.round(performance.now() - from), result];
  };
  const [opened] = await timed(() => engine.open('embedded'));
  const picture = await drawn(before, side);
  const { file } = await engine.learn({
    ...{ before: await fetchBytes(before), after: await fetchBytes(after), prompt: 'a bell', style: 'line' },
    ...{ steps: 4, contentSteps: 1, rank: 16, learningRate: 0.002, seed: 1 },
  });
  const at = (strength: number, guide: RestyleJob['guide'] = 'style') =>
    timed(() => engine.restyle({ picture, styles: [{ file, strength }], prompt: 'a bell', guide, steps: 20, seed: 0 }));
  const [first, styled] = await at(1);
  const again: number[] = [];
  for (const strength of [0.5, 0.8, 1.2, 0.3]) again.push((await at(strength))[0]);
  const [openPreview, preview] = await timed(() => engine.preview(picture, styled, [1], 512));
  const previews: number[] = [];
  for (const strength of [0.2, 0.4, 0.6, 0.8, 0.9]) previews.push((await timed(() => preview.at([strength])))[0]);
  const memory = await engine.memory();
  await engine.dispose();
  return { opened, first, again, openPreview, previews, memory };
}

async function drawn(path: string, side: number): Promise<Png> {
  const bitmap = await createImageBitmap(new Blob([await fetchBytes(path)]));
  const canvas = new OffscreenCanvas(side, side);
  canvas.getContext('2d')!.drawImage(bitmap, 0, 0, side, side);
  return new Uint8Array(await (await canvas.convertToBlob({ type: 'image/png' })).arrayBuffer());
}
