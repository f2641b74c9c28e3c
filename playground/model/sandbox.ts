/**
 * Runs the plugin's code with what Figma's sandbox has and without the page it is in. This keeps honest code from using
 * by mistake what Figma lacks; it would not stop code that wants to get out.
 */
import type { PluginAPI } from '@figma/plugin-typings/plugin-api-standalone';

/** Of the names a page has, those that the language itself defines; and what Figma adds of a browser's. */
const LANGUAGE: ReadonlySet<string> = new Set(
  (
    'Object Function Array Number Boolean String Symbol Date Promise RegExp Error AggregateError EvalError RangeError ' +
    'ReferenceError SyntaxError TypeError URIError JSON Math Intl ArrayBuffer Uint8Array Int8Array Uint16Array ' +
    'Int16Array Uint32Array Int32Array Float32Array Float64Array Uint8ClampedArray BigUint64Array BigInt64Array ' +
    'DataView Map BigInt Set WeakMap WeakSet WeakRef Proxy Reflect FinalizationRegistry parseFloat parseInt isFinite ' +
    'isNaN decodeURI decodeURIComponent encodeURI encodeURIComponent Infinity NaN undefined'
  ).split(' '),
);

type Timer = ReturnType<typeof setTimeout>;

export class Sandbox {
  readonly #timers = new Set<Timer>();

  /**
   * @param code built for Figma: a classic script.
   * @param uiFiles the plugin's documents, by the names manifest.json gives them.
   * @throws what the code throws while it is evaluated.
   */
  run(code: string, figma: PluginAPI, uiFiles: Readonly<Record<string, string>>): void {
    const provided: Record<string, unknown> = {
      figma,
      console,
      __uiFiles__: uiFiles,
      __html__: Object.values(uiFiles)[0] ?? '',
      setTimeout: (handler: () => void, delay?: number) => this.#schedule(handler, delay),
      clearTimeout: (timer: Timer) => {
        this.#timers.delete(timer);
        clearTimeout(timer);
      },
    };
    const hidden = namesOfThePage().filter((name) => !LANGUAGE.has(name) && !(name in provided));
    const names = [...Object.keys(provided), ...hidden];
    // Strict, so that `this` in a function is not the page either.
    const evaluate = new Function(...names, `'use strict';\n${code}`) as (...values: unknown[]) => void;
    evaluate.call(undefined, ...Object.values(provided));
  }

  /** What was scheduled and has not happened yet never will. */
  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #schedule(handler: () => void, delay: number | undefined): Timer {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      handler();
    }, delay);
    this.#timers.add(timer);
    return timer;
  }
}

function namesOfThePage(): string[] {
  const names = new Set(['globalThis']);
  for (let at: object | null = globalThis; at; at = Object.getPrototypeOf(at) as object | null) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  }
  // As parameters of a strict function: identifiers, and not the two that are not allowed.
  return [...names].filter(
    (name) => /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) && !/^(eval|arguments)$/.test(name),
  );
}
