/** Batches in a queue on both servers: put in, put in again, cancelled, counted and forgotten. */
import { Registry } from '../../../batch/queue/registry';
import { submitBatch } from '../../../batch/queue/submit';
import { QueueBench, RESULT, SERVERS, slots } from './queue-bench';

describe.each(SERVERS)('%s', (kind) => {
  const q = QueueBench.forTests(kind);
  const { spec, jobs, submit, statusOf, work } = q;

  test('cancelled while it is being put in, nothing of it waits; put in again, it goes on', async () => {
    const batch = spec('cancelled');
    const list = jobs(batch, 3);
    const queue = q.registry.pictures('cancelled');
    const add = queue.addBulk.bind(queue);
    const addBulk = jest.spyOn(queue, 'addBulk');
    for (const order of ['before', 'after'] as const) {
      addBulk.mockImplementationOnce(async (added) => {
        if (order === 'before') await q.registry.cancel('cancelled');
        const made = await add(added);
        if (order === 'after') await q.registry.cancel('cancelled');
        return made;
      });
      expect(await submit(batch, list)).toBe(0);
      expect(await statusOf('cancelled')).toMatchObject({ state: 'cancelled', counts: { waiting: 0, done: 0 } });
      expect(await q.registry.openNames()).not.toContain('cancelled');
    }
    addBulk.mockRestore();
    expect(await submit(batch, list)).toBe(3);
    await work(
      'cancelled',
      'done',
      slots(() => RESULT),
    );
  });

  test('pictures that the server lost do not count as done', async () => {
    const batch = spec('lossy');
    const list = jobs(batch, 4);
    await submit(batch, list, 3);
    await q.registry.pictures('lossy').remove(list[0]!.key);
    const pool = slots(() => RESULT);
    await work('lossy', 'stopped', pool);
    expect((await statusOf('lossy')).counts).toMatchObject({ done: 6, lost: 1, failed: 0, waiting: 0 });
    await submit(batch, [list[0]!], 6);
    await work('lossy', 'done', pool);
    expect((await statusOf('lossy')).counts).toEqual({ done: 7, failed: 0, running: 0, waiting: 0, delayed: 0 });
  });

  test('only the latest batches without work are remembered, and every open one is found', async () => {
    const few = new Registry(q.connection, 1);
    // A worker that was told to end with the last picture leaves its batch open for the next one to close.
    for (const name of await few.openNames()) await few.setOpen(name, false);
    const put = async (name: string): Promise<void> => {
      const batch = spec(name, { created: Date.now() });
      await submitBatch(few, batch, { jobs: jobs(batch, 1), done: [], changed: 0 }, 1);
    };
    const names = async (): Promise<string[]> => (await few.list()).map(({ spec: { name } }) => name);
    await put('open');
    for (const name of ['old-1', 'old-2', 'old-3']) {
      await put(name);
      await few.cancel(name);
    }
    await put('new');
    expect(await names()).toEqual(['open', 'old-3', 'new']);
    expect(await few.openNames()).toEqual(['open', 'new']);
    for (const name of ['open', 'new']) await few.cancel(name);
    await few.close();
  });

  test('a batch that is put in again takes over what waits, and drops what it no longer has', async () => {
    const batch = spec('again');
    const list = jobs(batch, 5);
    await submit(batch, list);
    const changed = { ...list[0]!, key: 'p-other' };
    expect(await submit(batch, [changed, ...list.slice(2)])).toBe(1);
    expect((await q.registry.counts('again')).waiting).toBe(4);
    await expect(submit({ ...batch, settings: { steps: 9 } }, list)).rejects.toThrow(
      /with other settings; choose another --name/,
    );
    await q.registry.cancel('again');
  });
});
