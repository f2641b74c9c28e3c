/** The replica of Figma's frames has the limits that Figma's have: else what works in it would prove nothing. */
import { openReplica, type ReplicaBrowser } from './in-replica';

/** Tries what Figma's panels can and cannot do, and posts what came of it. */
async function probe(): Promise<void> {
  const outcome = async (attempt: () => unknown): Promise<string> => {
    try {
      return String(await attempt());
    } catch (error) {
      return (error as Error).name;
    }
  };
  const started = (source: string, options: WorkerOptions = {}): Promise<string> =>
    outcome(() => {
      const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })), options);
      return new Promise((resolve) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = () => resolve('failed');
      });
    });
  const found = {
    origin,
    secure: isSecureContext,
    gpu: 'gpu' in navigator,
    gpuInWorker: await started('postMessage(String("gpu" in navigator))'),
    sharedMemory: 'SharedArrayBuffer' in globalThis,
    localStorage: await outcome(() => localStorage.length),
    indexedDB: await outcome(() => indexedDB.open('x').readyState),
    caches: 'caches' in globalThis,
    classicWorker: await started('postMessage("runs")'),
    moduleWorker: await started('postMessage("runs")', { type: 'module' }),
    wasm: await outcome(() => WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))),
    network: await outcome(() => fetch('http://figma.localhost/x')),
    theme: document.documentElement.className,
  };
  parent.postMessage({ pluginMessage: found }, '*');
}

let replica: ReplicaBrowser;
beforeAll(async () => {
  replica = await openReplica({ model: 'tiny' });
});
afterAll(() => replica.close());

test('a panel in the frames is an insecure document without origin, storage and network', async () => {
  await replica.page.evaluate(
    (html) => diptychReplica.current.openDocument(html),
    `<script>(${String(probe)})()</script>`,
  );
  await replica.page.waitForFunction(() => diptychReplica.current.said.length > 0);
  expect(await replica.page.evaluate(() => diptychReplica.current.said)).toEqual([
    {
      pluginMessage: {
        origin: 'null',
        secure: false,
        gpu: false,
        gpuInWorker: 'false',
        sharedMemory: false,
        localStorage: 'SecurityError',
        indexedDB: 'SecurityError',
        caches: false,
        classicWorker: 'runs',
        moduleWorker: 'failed',
        wasm: '[object WebAssembly.Module]',
        network: 'TypeError',
        theme: 'figma-light',
      },
    },
  ]);
  expect(replica.requests.filter((url) => !url.endsWith('/plugin-frame'))).toEqual([]);
});
