/** Servers that cannot be used, and addresses that are none: one line each, with the way out. */
import { sha256, type BatchJob, type BatchSpec } from '../../../batch/job';
import { Registry } from '../../../batch/queue/registry';
import { openServer } from '../../../batch/queue/server';
import { submitBatch } from '../../../batch/queue/submit';
import { startRedis } from '../servers';

describe('a server that cannot be used is one line', () => {
  const refusal = async (url: string): Promise<string> => {
    const error = await openServer(url, { patient: true, note: () => undefined }).then(
      () => undefined,
      (problem: Error) => problem,
    );
    expect(error?.name).toBe('InputError');
    return error!.message;
  };

  test('nothing there, no such host, no address, another kind of address', async () => {
    expect(await refusal('redis://127.0.0.1:1')).toBe(
      '--queue redis://127.0.0.1:1: no server answers there; start it, or correct the address',
    );
    expect(await refusal('postgres://u:secret@127.0.0.1:1/d')).toBe(
      '--queue postgres://u:***@127.0.0.1:1/d: no server answers there; start it, or correct the address',
    );
    expect(await refusal('redis://no-such-host.invalid')).toMatch(/there is no such host; correct the address$/);
    expect(await refusal('localhost')).toMatch(/^--queue: is no address; write redis:/);
    expect(await refusal('http://127.0.0.1:1')).toMatch(/use an address that begins with redis:/);
  });

  test('a wrong password, none, and a full server', async () => {
    const redis = await startRedis('--requirepass', 'right');
    try {
      expect(await refusal(`redis://:wrong@127.0.0.1:${redis.port}`)).toMatch(
        /\*\*\*@.*: the password is wrong; correct it/,
      );
      expect(await refusal(redis.url)).toMatch(/the server wants a login; put USER:PASSWORD@ into the address$/);
    } finally {
      await redis.close();
    }
    const small = await startRedis('--maxmemory', '3mb');
    const server = await openServer(small.url, { patient: true, note: () => undefined });
    const registry = new Registry(server);
    try {
      const batch: BatchSpec = {
        name: 'big',
        version: '1',
        model: { name: 'm', fingerprint: 'f' },
        styles: [],
        settings: {},
        strengths: [],
        output: '/nowhere',
        overwrite: false,
        created: 0,
      };
      const list = Array.from({ length: 8000 }, (_, i): BatchJob => ({
        key: `p${i}-${'x'.repeat(100)}`,
        input: `/in/${i}`,
        inputSha: sha256(String(i)),
        outputs: [],
      }));
      await expect(submitBatch(registry, batch, { jobs: list, done: [], changed: 0 }, 8000)).rejects.toThrow(
        /memory or disk is full; free some, then run the same command again to go on$/,
      );
    } finally {
      await registry.close();
      await server.close();
      await small.close();
    }
  });
});
