/** The user's own storage (figma.clientStorage) and its limit: 5 MB for all that the plugin keeps. */
import { messageOf, QuotaError } from '../common/errors';
import { isBytes, type Storage } from '../common/messages';

/** Bytes, as Figma counts them: keys, and values as JSON, but byte arrays by their length. */
export const QUOTA = 5_000_000;

export interface Stored {
  readonly key: string;
  readonly value: unknown;
}

/** All that is kept. */
export async function readAll(): Promise<Stored[]> {
  const stored: Stored[] = [];
  for (const key of await figma.clientStorage.keysAsync()) {
    stored.push({ key, value: (await figma.clientStorage.getAsync(key)) as unknown });
  }
  return stored;
}

export function storageOf(stored: readonly Stored[]): Storage {
  return { used: stored.reduce((sum, { key, value }) => sum + sizeOf(key, value), 0), quota: QUOTA };
}

/**
 * Keeps a value. Throws a QuotaError when Figma does not take it; then the value before is still there. `what` begins
 * the message ("“Ink”"), `howToFix` ends it. Figma is asked first and measured after, for another window may keep things
 * at the same time.
 */
export async function keep(key: string, value: unknown, what: string, howToFix: string): Promise<void> {
  try {
    await figma.clientStorage.setAsync(key, value);
  } catch (error) {
    const others = storageOf((await readAll()).filter((stored) => stored.key !== key)).used;
    const [needed, left] = [sizeOf(key, value), Math.max(0, QUOTA - others)];
    throw new QuotaError(
      needed > left
        ? `${what} needs ${megabytes(needed)}, and ${megabytes(left)} of ${megabytes(QUOTA)} are left. ${howToFix}`
        : `${what} could not be kept: ${messageOf(error)}. ${howToFix}`,
    );
  }
}

function sizeOf(key: string, value: unknown): number {
  let bytes = 0;
  const json = JSON.stringify(value, (_, part: unknown) => {
    if (!isBytes(part)) return part;
    bytes += part.length;
    return 0;
  });
  return key.length + (json?.length ?? 0) + bytes;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
