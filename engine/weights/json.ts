/** JSON from outside: parsed, never trusted. */
import { InputError } from '../errors';
import { messageOf } from './source';

export type JsonObject = Readonly<Record<string, unknown>>;

/** No file the engine reads nests deeper; a limit keeps later recursion over a value safe. */
const MAX_DEPTH = 64;

/**
 * Parses JSON text. Throws an InputError naming the file when it is not JSON, is nested past 64 levels, or holds a
 * `__proto__` key, the one key that could turn a later property write into a write to Object.prototype.
 */
export function parseJson(text: string, name: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${name}: is not valid JSON (${oneLine(messageOf(error))}); fetch the file again`);
  }
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH)
      throw new InputError(`${name}: is nested more than ${MAX_DEPTH} levels deep; fetch the file again`);
    const next: unknown[] = [];
    for (const item of level) {
      if (typeof item !== 'object' || item === null) continue;
      if (Object.hasOwn(item, '__proto__'))
        throw new InputError(`${name}: holds the key "__proto__"; do not use this file`);
      for (const child of Object.values(item)) next.push(child);
    }
    level = next;
  }
  return value;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object's own property: keys such as "constructor" find nothing of Object.prototype. */
export function ownValue(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** A value as an error shows it: JSON, one line, cut short. */
export function showJson(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 200);
}
