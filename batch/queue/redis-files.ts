/** Files of batches in Redis: a hash for each batch, which Redis removes when nobody touches it for a week. */
import type { Redis } from 'ioredis';
import { KEPT_SECONDS, type RawFileStore } from './files';

export function redisFiles(client: Redis): RawFileStore {
  const keyOf = (batch: string): string => `diptych-files:${batch}`;
  return {
    async put(batch, files) {
      // One command, so that all are there or none.
      await client.hset(keyOf(batch), files as Map<string, Buffer>);
      await client.expire(keyOf(batch), KEPT_SECONDS);
    },
    async get(batch, name) {
      return (await client.hgetBuffer(keyOf(batch), name)) ?? undefined;
    },
    async names(batch, prefix) {
      return (await client.hkeys(keyOf(batch))).filter((name) => name.startsWith(prefix));
    },
    async remove(batch, names) {
      await client.hdel(keyOf(batch), ...names);
    },
    async clear(batch) {
      await client.unlink(keyOf(batch));
    },
  };
}
