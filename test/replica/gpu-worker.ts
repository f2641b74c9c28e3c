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
 * Restyles a picture. Learning on WebGPU is in test/browser/webgpu.test.ts: what a frame allows does not depend on the
 * kernels, and compiling those of a training step takes most of a minute on the processor.
 *
 * @param files the model's files by path, in base64.
 * @param style a style file of that model, in base64.
 * @returns the device's kind, and how many bytes of a picture restyling changed.
 */
async function runOnGpu(files: Readonly<Record<string, string>>, style: string) {
  const listed = JSON.parse(document.getElementById('files')!.textContent) as Record<string, { url: string }>;
  const address = (name: string): string => new URL(listed[name]!.url, location.href).href;
  const wasmNames = Object.keys(listed).filter((name) => name.startsWith('wasm/'));
  const decoded = (base64: string) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const contents = Object.entries(files).map(([path, base64]) => [path, decoded(base64)] as const);
  const client = EngineClient.inWorker(new Worker(address('engine-worker.js')));
  try {
    const description = await client.open({
      model: { kind: 'files', name: 'tiny-model', files: new Map(contents) },
      wasm: new Map(wasmNames.map((name) => [name.slice('wasm/'.length), address(name)])),
      device: { device: 'webgpu' },
    });
    const picture = disc([200, 40, 40], [120, 160, 90]);
    const styles = [{ file: decoded(style), strength: 2 }];
    const { data } = await client.restyle({ image: picture, styles, prompt: 'a disc', steps: 4, start: 0.5 });
    return {
      device: description.device.kind,
      changed: data.filter((value, i) => value !== picture.data[i]).length,
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
