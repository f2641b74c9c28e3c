/** What is wrong with a queue's server, in words: what drivers throw, a server that is too old, settings that lose jobs. */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { connectionProblem, isFull } from '../../batch/queue/connection';
import { openServer } from '../../batch/queue/server';
import { startRedis } from './servers';

test.each([
  [{ message: 'WRONGPASS invalid username-password pair' }, 'the password is wrong; correct it in the address'],
  [{ code: '28P01', message: 'password authentication failed' }, 'the password is wrong; correct it in the address'],
  [{ message: 'NOAUTH Authentication required.' }, 'the server wants a login; put USER:PASSWORD@ into the address'],
  [
    { message: 'SASL: client password must be a string' },
    'the server wants a login; put USER:PASSWORD@ into the address',
  ],
  [{ code: 'ECONNREFUSED', message: '' }, 'no server answers there; start it, or correct the address'],
  [{ code: 'EAI_AGAIN', message: 'getaddrinfo' }, 'there is no such host; correct the address'],
  [
    { code: '3D000', message: 'database "x" does not exist' },
    'there is no such database; create it, or correct the address',
  ],
  [{ message: 'timeout expired' }, 'no answer in time; check the address and the firewall'],
  [{ code: 'ETIMEDOUT', message: 'connect ETIMEDOUT' }, 'no answer in time; check the address and the firewall'],
  [
    { message: 'ERR DB index is out of range' },
    'there is no database of that number; correct the number at the end of the address',
  ],
  [{ message: 'something else\n    at a line' }, 'something else; check the address and the server'],
])('%j', (error, text) => {
  expect(connectionProblem('redis://h', error).message).toBe(`--queue redis://h: ${text}`);
});

test('of what a server refuses to store, only a full memory or disk is one', () => {
  const full = ['OOM command not allowed when used memory', 'MISCONF Redis is configured to save RDB snapshots'];
  for (const message of full) expect(isFull(new Error(message))).toBe(true);
  for (const code of ['53100', '53200']) expect(isFull(Object.assign(new Error('no'), { code }))).toBe(true);
  expect(isFull(Object.assign(new Error('duplicate key'), { code: '23505' }))).toBe(false);
});

/** A server that says of itself what it is told to, and OK to everything else. */
async function redisThatSays(info: string): Promise<{ url: string; close: () => void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket
      .on('error', () => undefined)
      .on('data', (data) => {
        for (const [, name] of data.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
          socket.write(/^info$/i.test(name!) ? `$${info.length}\r\n${info}\r\n` : '+OK\r\n');
        }
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => (sockets.forEach((socket) => socket.destroy()), server.close()),
  };
}

test.each(['5.0.14', '6.0.16', '6.1.240'])('Redis %s is too old', async (version) => {
  const server = await redisThatSays(`# Server\r\nredis_version:${version}\r\naof_enabled:1\r\n`);
  try {
    await expect(openServer(server.url, { patient: true, note: () => undefined })).rejects.toThrow(
      `--queue ${server.url}: is Redis ${version}; use 6.2 or later`,
    );
  } finally {
    server.close();
  }
});

test('settings under which a server loses jobs are said, each in one line', async () => {
  const notesOf = async (...settings: string[]): Promise<string[]> => {
    const redis = await startRedis(...settings);
    try {
      const notes: string[] = [];
      await (await openServer(redis.url, { patient: true, note: (line) => notes.push(line) })).close();
      return notes.map((line) => line.replace(redis.url, 'URL'));
    } finally {
      await redis.close();
    }
  };
  expect(await notesOf('--appendonly', 'no', '--maxmemory', '90mb', '--maxmemory-policy', 'allkeys-lru')).toEqual([
    'URL: may drop jobs when its memory is full; set maxmemory-policy noeviction',
    'URL: keeps its latest jobs in memory only; set appendonly yes, or a restart may lose some',
  ]);
  expect(await notesOf('--maxmemory', '90mb', '--maxmemory-policy', 'noeviction')).toEqual([]);
});
