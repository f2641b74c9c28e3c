/** Runs test code in QuickJS, next to the built plugin. */
import { buildSync, type BuildOptions } from 'esbuild';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import emscriptenModule from '@jitl/quickjs-wasmfile-release-sync/emscripten-module';
import { newQuickJSWASMModuleFromVariant, RELEASE_SYNC, type QuickJSContext } from 'quickjs-emscripten';
import { built } from '../../support/built';
import type { World } from './world';

const root = join(__dirname, '../../..');

/** The script that defines `World`. */
export const worldScript = bundle('test/plugin/support/world.ts', { target: 'es2022' });

export const manifest = JSON.parse(readFileSync(join(root, 'manifest.json'), 'utf8')) as Record<string, unknown>;

export const pluginCode = readFileSync(built('plugin/code.js'), 'utf8');

/** The plugin as it is built with DIPTYCH_HOST=none. */
export const buildWithoutHost = () => bundle('plugin/main.ts', { target: 'es2017', define: { DIPTYCH_HOST: '""' } });

function bundle(entry: string, options: BuildOptions): string {
  const entryPoints = [join(root, entry)];
  return buildSync({ ...options, entryPoints, bundle: true, format: 'iife', write: false }).outputFiles[0]!.text;
}

// Left alone, it fetches this module by import(), which jest does not allow.
const quickjs = newQuickJSWASMModuleFromVariant({ ...RELEASE_SYNC, importModuleLoader: async () => emscriptenModule });

/** One interpreter. */
export class Sandbox {
  readonly #vm: QuickJSContext;

  private constructor(vm: QuickJSContext, code: string) {
    this.#vm = vm;
    // Grows the interpreter's memory now: when it grows while jobs run, the bindings lose a reference they have to free.
    this.#evaluate('new ArrayBuffer(100e6); 0');
    this.#evaluate(worldScript);
    this.#evaluate(`var world = new World(${JSON.stringify(manifest)}, ${JSON.stringify(code)});`);
  }

  /** @param code the plugin. */
  static async open(code = pluginCode): Promise<Sandbox> {
    return new Sandbox((await quickjs).newContext(), code);
  }

  /**
   * Runs a function in there and gives back what it returns, as JSON. It sees its arguments (JSON as well) and nothing
   * else of this file. Throws what it throws, what handlers of the plugin threw, or that it waits for ever.
   */
  run<A extends unknown[], R>(code: (world: World, ...args: A) => R | Promise<R>, ...args: A): R {
    this.#evaluate(`
      var outcome = undefined;
      (async () => (${code.toString()})(world, ...${JSON.stringify(args)}))().then(
        (value) => (outcome = { value }),
        (error) => (outcome = { error: error.name + ': ' + error.message + '\\n' + (error.stack || '') }),
      );
      0;`);
    const jobs = this.#vm.runtime.executePendingJobs();
    if (jobs.error) throw new Error(`a job failed: ${JSON.stringify(this.#vm.dump(jobs.error))}`);
    const outcome = JSON.parse(this.#evaluate('JSON.stringify(outcome || { error: "waits for ever" })')) as {
      value: R;
      error?: string;
    };
    if (outcome.error) throw new Error(outcome.error);
    const reports = JSON.parse(this.#evaluate('JSON.stringify(world.reports)')) as string[];
    if (reports.length > 0) throw new Error(`the plugin failed in a handler: ${reports.join('; ')}`);
    return outcome.value;
  }

  /** Bytes the interpreter has allocated. */
  memory(): number {
    const usage = this.#vm.runtime.computeMemoryUsage();
    const { memory_used_size: used } = this.#vm.dump(usage) as { memory_used_size: number };
    usage.dispose();
    return used;
  }

  close(): void {
    this.#vm.dispose();
  }

  /** What it returns must be plain. */
  #evaluate(code: string): string {
    const result = this.#vm.evalCode(code);
    if (result.error) {
      const { name, message, stack } = this.#vm.dump(result.error) as Error;
      result.error.dispose();
      throw new Error(`${name}: ${message}\n${stack}`);
    }
    const value = this.#vm.dump(result.value) as string;
    result.value.dispose();
    return value;
  }
}
