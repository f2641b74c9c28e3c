/**
 * In the hosted panel's document: the engine's worker of that build, on WebGPU, on a tiny random model. The panel itself
 * would not use an adapter that is software. Bundled into dist/test/gpu-worker.js.
 */
import type { Image } from '../../engine/image/image';
import { EngineClient } from '../../engine/worker/client';

const SIDE = 32;

type Rgb = readonly [number, number, number];

/** A disc of one colour on a background of another, opaque. */
function disc(ink: Rgb, background: Rgb): Image {
  const data = new Uint8ClampedArray(SIDE * SIDE * 4);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const inside = Math.hypot(x - SIDE / 2, y - SIDE / 2) < SIDE / 3;
      data.set([...(inside ? ink : background), 255], (y * SIDE + x) * 4);
    }
  }
  return { width: SIDE, height: SIDE, data };
}

/**
 * @param files the model's files by path, in base64.
 * @returns the device's kind, whether every loss is a number, and how many bytes of a picture restyling changed.
 */
async function runOnGpu(files: Readonly<Record<string, string>>) {
  const listed = JSON.parse(document.getElementById('files')!.textContent) as Record<string, { url: string }>;
  const address = (name: string): string => new URL(listed[name]!.url, location.href).href;
  const wasmNames = Object.keys(listed).filter((name) => name.startsWith('wasm/'));
  const contents = Object.entries(files).map(
    ([path, base64]) => [path, Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))] as const,
  );
  const client = EngineClient.inWorker(new Worker(address('engine-worker.js')));
  try {
    const description = await client.open({
      model: { kind: 'files', name: 'tiny-model', files: new Map(contents) },
      wasm: new Map(wasmNames.map((name) => [name.slice('wasm/'.length), address(name)])),
      device: { device: 'webgpu' },
    });
    // The background changes too: one that a pair leaves alone is held, and little of the picture would be left to change.
    const [before, after] = [disc([200, 40, 40], [255, 255, 255]), disc([40, 40, 200], [120, 160, 90])];
    const pair = { before, after, prompt: 'a disc', style: 'blue', force: true };
    // One kind of step: compiling the kernels of another takes most of a minute on the processor.
    const { style, losses } = await client.learn({ ...pair, contentSteps: 0, steps: 9, rank: 2, learningRate: 0.05 });
    const styles = [{ file: style, strength: 2 }];
    const { data } = await client.restyle({ image: before, styles, prompt: pair.prompt, steps: 4, start: 0.5 });
    return {
      device: description.device.kind,
      learned: losses.length === 9 && losses.every(({ content }) => Number.isFinite(content)),
      changed: data.filter((value, i) => value !== before.data[i]).length,
    };
  } finally {
    await client.dispose();
  }
}

export type RunOnGpu = typeof runOnGpu;

declare global {
  var diptychRunOnGpu: RunOnGpu;
}

globalThis.diptychRunOnGpu = runOnGpu;
