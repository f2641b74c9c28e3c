/** The browser's side of browser.mjs: a worker that answers {job, count} with times. */
import { webBackend } from '../../engine/runtime/backend-web';
import { JSPI, PLAIN } from '../../engine/runtime/web-builds';
import { folderOf } from '../../engine/weights/folder';
import { openHttpSource } from '../../engine/weights/http-range';
import { servesAsThread } from '../../engine/worker/thread';
import { openSteps, type Job } from './browser-step';

type Steps = Awaited<ReturnType<typeof openSteps>>;

export interface OpenMessage {
  readonly build: 'jspi' | 'plain';
  readonly threads: number;
  readonly rank: number;
}

const BUILDS = { jspi: JSPI, plain: PLAIN };

async function open({ build, threads, rank }: OpenMessage): Promise<Steps> {
  const fetchWasm = async (file: string): Promise<ArrayBuffer> => (await fetch(`/dist/web/${file}`)).arrayBuffer();
  const folder = folderOf('model', (path) => openHttpSource(`/model/${path}`, { name: path }));
  return openSteps(folder, webBackend([BUILDS[build]], fetchWasm), { device: 'wasm', threads }, rank);
}

if (!servesAsThread(Object.values(BUILDS))) {
  let steps: Promise<Steps>;
  self.onmessage = async ({ data }: MessageEvent<OpenMessage | { readonly job: Job; readonly count: number }>) => {
    if ('build' in data) {
      steps = open(data);
      postMessage((await steps).device);
    } else {
      postMessage(await (await steps).run(data.job, data.count));
    }
  };
}
