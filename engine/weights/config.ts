/** Typed reading of config.json files: every value is checked, every error names the file and the key. */
import { InputError } from '../errors';
import { isObject, ownValue, showJson, type JsonObject } from './json';

export interface NumberRange {
  readonly min?: number;
  readonly max?: number;
}

/** No list in a model's configuration is longer. */
const MAX_LIST = 256;
/** No count, width or size in a model's configuration is larger. */
const MAX_INTEGER = 2 ** 24;
const MAX_NUMBER = 1e12;

/**
 * Reads the keys of one JSON object. A key that is absent or null takes the fallback; without a fallback it must be
 * there. Every method throws an InputError when the value is not of its kind.
 */
export class ConfigReader {
  /** The file's name and the path of the object in it, as errors show them. */
  readonly name: string;
  readonly #path: string;
  readonly #object: JsonObject;

  constructor(value: unknown, name: string, path = '') {
    this.name = name;
    this.#path = path;
    if (!isObject(value)) {
      throw new InputError(
        `${name}: ${path ? `"${path}"` : 'the file'} must hold a JSON object, not ${showJson(value)}; fetch the file again`,
      );
    }
    this.#object = value;
  }

  /** Whether the key is there and not null. */
  has(key: string): boolean {
    return this.#value(key) !== undefined;
  }

  keys(): string[] {
    return Object.keys(this.#object);
  }

  number(key: string, fallback?: number, range: NumberRange = {}): number {
    return this.#read(key, fallback, (value) => {
      const { min = -MAX_NUMBER, max = MAX_NUMBER } = range;
      return isNumber(value, min, max) ? value : this.#fail(key, `a number from ${min} to ${max}`, value);
    });
  }

  /** A whole number, from 0 to 2^24 unless told otherwise. */
  integer(key: string, fallback?: number, range: NumberRange = {}): number {
    return this.#read(key, fallback, (value) => this.#integer(key, value, range));
  }

  boolean(key: string, fallback?: boolean): boolean {
    return this.#read(key, fallback, (value) =>
      typeof value === 'boolean' ? value : this.#fail(key, 'true or false', value),
    );
  }

  text(key: string, fallback?: string): string {
    return this.#read(key, fallback, (value) =>
      typeof value === 'string' ? value : this.#fail(key, 'a string', value),
    );
  }

  oneOf<T extends string>(key: string, options: readonly T[], fallback?: T): T {
    return this.#read(key, fallback, (value) => this.#option(key, options, value));
  }

  /** A list of strings, each one of the options. */
  oneOfEach<T extends string>(key: string, options: readonly T[], fallback?: readonly T[]): readonly T[] {
    return this.#read(key, fallback, (value) => this.#list(key, value).map((item) => this.#option(key, options, item)));
  }

  strings(key: string, fallback?: readonly string[]): readonly string[] {
    return this.#read(key, fallback, (value) =>
      this.#list(key, value).map((item) =>
        typeof item === 'string' ? item : this.#fail(key, 'a list of strings', value),
      ),
    );
  }

  integers(key: string, fallback?: readonly number[], range: NumberRange = {}): readonly number[] {
    return this.#read(key, fallback, (value) => this.#list(key, value).map((item) => this.#integer(key, item, range)));
  }

  /** `count` whole numbers: a list of that length, or one number that holds for all, as diffusers writes per-block settings. */
  perBlock(
    key: string,
    count: number,
    fallback?: number | readonly number[],
    range: NumberRange = {},
  ): readonly number[] {
    const value = this.#read<number | readonly number[]>(key, fallback, (found) =>
      Array.isArray(found)
        ? this.#list(key, found).map((item) => this.#integer(key, item, range))
        : this.#integer(key, found, range),
    );
    if (typeof value === 'number') return new Array<number>(count).fill(value);
    if (value.length !== count) this.#fail(key, `one whole number or ${count} of them`, value);
    return value;
  }

  /** As perBlock, where the entry of a block may itself list one number per layer. */
  perBlockOrLayer(
    key: string,
    count: number,
    fallback: number,
    range: NumberRange = {},
  ): readonly (number | readonly number[])[] {
    const value = this.#value(key) ?? fallback;
    if (!Array.isArray(value)) return new Array<number>(count).fill(this.#integer(key, value, range));
    const entries = this.#list(key, value).map((entry) =>
      Array.isArray(entry)
        ? this.#list(key, entry).map((item) => this.#integer(key, item, range))
        : this.#integer(key, entry, range),
    );
    return entries.length === count ? entries : this.#fail(key, `one entry for each of ${count} blocks`, value);
  }

  /** `count` flags: a list of that length, or one flag that holds for all. */
  flagPerBlock(key: string, count: number, fallback: boolean): readonly boolean[] {
    const value = this.#value(key) ?? fallback;
    const flags = Array.isArray(value) ? (value as unknown[]) : new Array<unknown>(count).fill(value);
    if (flags.length === count && flags.every((flag) => typeof flag === 'boolean')) return flags as boolean[];
    return this.#fail(key, `true, false or a list of ${count} of them`, value);
  }

  /** The reader of a nested object. An absent one reads as empty when `optional`. */
  nested(key: string, optional = false): ConfigReader {
    const value = this.#value(key);
    return new ConfigReader(value === undefined && optional ? {} : value, this.name, this.#at(key));
  }

  /**
   * Refuses settings the engine does not have: the value must be one of `allowed`, where null stands for an absent key.
   */
  only(key: string, allowed: readonly (string | number | boolean | null)[]): void {
    const value = this.#value(key) ?? null;
    if (allowed.some((option) => option === value)) return;
    throw new InputError(
      `${this.name}: "${this.#at(key)}" is ${showJson(value)}, which is not supported (only ${allowed.map(showJson).join(', ')}); choose another model`,
    );
  }

  #value(key: string): unknown {
    return ownValue(this.#object, key) ?? undefined;
  }

  #read<T>(key: string, fallback: T | undefined, check: (value: unknown) => T): T {
    const value = this.#value(key);
    if (value !== undefined) return check(value);
    if (fallback !== undefined) return fallback;
    throw new InputError(
      `${this.name}: "${this.#at(key)}" is missing; fetch the model again, or choose a supported one`,
    );
  }

  #integer(key: string, value: unknown, range: NumberRange): number {
    const { min = 0, max = MAX_INTEGER } = range;
    if (isNumber(value, min, max) && Number.isInteger(value)) return value;
    return this.#fail(key, `a whole number from ${min} to ${max}`, value);
  }

  #option<T extends string>(key: string, options: readonly T[], value: unknown): T {
    return options.find((option) => option === value) ?? this.#fail(key, `one of ${options.join(', ')}`, value);
  }

  #list(key: string, value: unknown): readonly unknown[] {
    if (Array.isArray(value) && value.length <= MAX_LIST) return value as unknown[];
    return this.#fail(key, `a list of at most ${MAX_LIST}`, value);
  }

  #at(key: string): string {
    return this.#path ? `${this.#path}.${key}` : key;
  }

  #fail(key: string, kind: string, value: unknown): never {
    throw new InputError(
      `${this.name}: "${this.#at(key)}" must be ${kind}, not ${showJson(value)}; choose a supported model`,
    );
  }
}

function isNumber(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && value >= min && value <= max;
}
