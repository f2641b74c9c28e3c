/** figma.clientStorage: values by key, 5 MB in all, kept for the user and shared by all windows of the plugin. */
import type { ClientStorageAPI } from '@figma/plugin-typings/plugin-api-standalone';
import { copyMessage, sizeOfMessage, utf8Length } from './message';

export const STORAGE_QUOTA = 5_000_000;

export class ClientStorage implements ClientStorageAPI {
  readonly #values = new Map<string, unknown>();

  /** Bytes in use. */
  get used(): number {
    let used = 0;
    for (const [key, value] of this.#values) used += utf8Length(key) + sizeOfMessage(value);
    return used;
  }

  async getAsync(key: string): Promise<unknown> {
    return copyMessage(this.#values.get(key));
  }

  async setAsync(key: string, value: unknown): Promise<void> {
    const copy = copyMessage(value, `the value of "${key}"`);
    const before = this.#values.get(key);
    const freed = this.#values.has(key) ? utf8Length(key) + sizeOfMessage(before) : 0;
    if (this.used - freed + utf8Length(key) + sizeOfMessage(copy) > STORAGE_QUOTA) {
      throw new Error('in setAsync: exceeded the quota of 5 MB of client storage');
    }
    this.#values.set(key, copy);
  }

  async deleteAsync(key: string): Promise<void> {
    this.#values.delete(key);
  }

  async keysAsync(): Promise<string[]> {
    return [...this.#values.keys()];
  }
}
