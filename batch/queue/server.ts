/** The queue's server: Redis or PostgreSQL by its address. */
import { InputError } from '../../engine/errors';
import type { QueueServer, ServerOptions } from './connection';
import { openPostgres } from './postgres';
import { openRedis } from './redis';

/**
 * Connects to the server of a queue.
 *
 * @param url redis://[:PASSWORD@]HOST[:PORT][/N], rediss://..., or postgres://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE.
 * @throws InputError when the address is none, no server answers, or it refuses the login.
 */
export async function openServer(url: string, options: ServerOptions): Promise<QueueServer> {
  const address = parseAddress(url);
  const label = withoutPassword(address);
  switch (address.protocol) {
    case 'redis:':
    case 'rediss:':
      return openRedis(url, label, options);
    case 'postgres:':
    case 'postgresql:':
      return openPostgres(url, label, options);
    default:
      throw new InputError(`--queue ${label}: use an address that begins with redis://, rediss:// or postgres://`);
  }
}

function parseAddress(url: string): URL {
  const address = URL.parse ? URL.parse(url) : tryUrl(url);
  if (address && address.hostname !== '') return address;
  throw new InputError(
    '--queue: is no address; write redis://HOST:PORT or postgres://USER:PASSWORD@HOST:PORT/DATABASE',
  );
}

function tryUrl(url: string): URL | null {
  try {
    return new URL(url);
  } catch {
    return null;
  }
}

function withoutPassword(address: URL): string {
  const copy = new URL(address);
  copy.password = copy.password === '' ? '' : '***';
  return copy.href;
}
