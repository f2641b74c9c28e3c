/**
 * What crosses between the sandbox, the panel and storage is copied, and only JSON and Uint8Arrays get through. Figma is
 * less strict about some values (dates, NaN) and says less when it refuses; code that passes here passes there.
 */

/** A deep copy. Throws a TypeError that names the place of what cannot pass. Undefined members are left out. */
export function copyMessage(value: unknown, place = 'message'): unknown {
  if (value === null || value === undefined || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`${place} is ${value}, which JSON does not have`);
    return value;
  }
  if (typeof value !== 'object') throw new TypeError(`${place} is a ${typeof value}, which cannot be sent`);
  // The kind by its tag, for the object may come from another realm.
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  if (tag === 'Uint8Array') return new Uint8Array(value as Uint8Array);
  if (Array.isArray(value)) return value.map((member, index) => copyMessage(member, `${place}[${index}]`));
  if (tag !== 'Object') throw new TypeError(`${place} is a ${tag}, which cannot be sent`);
  const parent = Object.getPrototypeOf(value) as object | null;
  if (parent !== null && Object.getPrototypeOf(parent) !== null) {
    throw new TypeError(`${place} is an object of a class, which cannot be sent`);
  }
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([key, member]) => [key, copyMessage(member, `${place}.${key}`)]));
}

/** Bytes a value takes in storage: those of its Uint8Arrays and of the JSON of the rest. */
export function sizeOfMessage(value: unknown): number {
  if (value === undefined || value === null) return 4;
  if (typeof value === 'string') return utf8Length(value) + 2;
  if (typeof value !== 'object') return String(value).length;
  if (value instanceof Uint8Array) return value.length;
  const sum = (sizes: number[]): number => sizes.reduce((total, size) => total + size + 1, 1);
  if (Array.isArray(value)) return sum(value.map(sizeOfMessage));
  return sum(Object.entries(value).map(([key, member]) => utf8Length(key) + 3 + sizeOfMessage(member)));
}

/** Bytes of a text in UTF-8; there is no TextEncoder in the sandbox. */
export function utf8Length(text: string): number {
  let length = 0;
  for (const letter of text) {
    const code = letter.codePointAt(0)!;
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}
