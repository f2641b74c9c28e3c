/** Files of batches in PostgreSQL: a table beside BullMQ's, made on first use. */
import type { Pool } from 'pg';
import { KEPT_SECONDS, type RawFileStore } from './files';

/** Two processes that make the same table at once: one of them is told so by one of these codes. */
const MADE_MEANWHILE = new Set(['23505', '42P07']);

export function postgresFiles(pool: Pool): RawFileStore {
  let made: Promise<void> | undefined;
  const ready = (): Promise<void> => {
    made ??= makeTable(pool).catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
  return {
    async put(batch, files) {
      await ready();
      await pool.query(
        `insert into diptych_files (batch, name, bytes)
           select $1, name, bytes from unnest($2::text[], $3::bytea[]) as file (name, bytes)
         on conflict (batch, name) do update set bytes = excluded.bytes, stored = now()`,
        [batch, [...files.keys()], [...files.values()]],
      );
    },
    async get(batch, name) {
      await ready();
      const { rows } = await pool.query<{ bytes: Buffer }>(
        'select bytes from diptych_files where batch = $1 and name = $2',
        [batch, name],
      );
      return rows[0]?.bytes;
    },
    async names(batch, prefix) {
      await ready();
      const { rows } = await pool.query<{ name: string }>(
        'select name from diptych_files where batch = $1 and starts_with(name, $2)',
        [batch, prefix],
      );
      return rows.map(({ name }) => name);
    },
    async remove(batch, names) {
      await ready();
      await pool.query('delete from diptych_files where batch = $1 and name = any ($2)', [batch, names]);
    },
    async clear(batch) {
      await ready();
      await pool.query('delete from diptych_files where batch = $1', [batch]);
    },
  };
}

async function makeTable(pool: Pool): Promise<void> {
  await pool
    .query(
      `create table if not exists diptych_files (
         batch text not null, name text not null, bytes bytea not null, stored timestamptz not null default now(),
         primary key (batch, name))`,
    )
    .catch((error: { code?: string }) => {
      if (!MADE_MEANWHILE.has(error.code ?? '')) throw error;
    });
  // A batch is forgotten as a whole, when nothing of it was put for long.
  await pool.query(
    `delete from diptych_files where batch in (
       select batch from diptych_files group by batch having max(stored) < now() - make_interval(secs => $1))`,
    [KEPT_SECONDS],
  );
}
