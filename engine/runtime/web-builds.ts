/**
 * The builds of onnxruntime-web. A bundle holds only those it names. Each comes with its JavaScript glue inside and
 * takes its WebAssembly binary as bytes, so it needs no URL of its own.
 */
import type { Env } from 'onnxruntime-common';
import type { Ort } from './backend';

export interface WebBuild {
  /** The file of onnxruntime-web's dist folder that the build runs. */
  readonly wasmFile: string;
  readonly webgpu: boolean;
  /** Whether this JavaScript engine can run it. */
  usable(): boolean;
  load(): Promise<Ort & { readonly env: Env }>;
}

/** WebGPU by JavaScript promise integration (Chrome 137 and later): the smallest and by far the quickest to call. */
export const JSPI: WebBuild = {
  wasmFile: 'ort-wasm-simd-threaded.jspi.wasm',
  webgpu: true,
  usable: () => 'Suspending' in WebAssembly,
  load: () => import('onnxruntime-web/jspi'),
};

/** WebGPU where promise integration is missing. */
export const ASYNCIFY: WebBuild = {
  wasmFile: 'ort-wasm-simd-threaded.asyncify.wasm',
  webgpu: true,
  usable: () => true,
  load: () => import('onnxruntime-web/webgpu'),
};

/** WebAssembly only, for where there is no WebGPU at all. */
export const PLAIN: WebBuild = {
  wasmFile: 'ort-wasm-simd-threaded.wasm',
  webgpu: false,
  usable: () => true,
  load: () => import('onnxruntime-web/wasm'),
};
