/** `--device webgpu` where WebGPU cannot start: said in one line before any picture is taken, and none fails for it. */
import { openServer } from '../../batch/queue/server';
import { Registry } from '../../batch/queue/registry';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { Bench, events, filesUnder, QUICK } from './bench';
import { startRedis } from './servers';

const LINE =
  'diptych: WebGPU cannot start on this machine: it finds no GPU that it can use; install the driver of the GPU (on Linux with Vulkan), or use device cpu\n';

test('a worker and a batch on this machine end with the reason; what is queued stays queued', async () => {
  const gpu = await nodeBackend.open({ device: 'webgpu' }).catch(() => undefined);
  if (gpu) {
    gpu.close();
    // No way to take it from the processes that the test starts.
    console.warn('not tested: this machine has a GPU, on which WebGPU starts');
    return;
  }
  const b = new Bench();
  const redis = await startRedis('--appendonly', 'no');
  const connection = await openServer(redis.url, { patient: true, note: () => undefined });
  const registry = new Registry(connection);
  try {
    const queue = ['--queue', redis.url];
    const [style, input] = [await b.style(), await b.pictures(2)];
    const sent = await b.run('batch', style, input, '-o', b.at('out'), ...QUICK, ...queue, '--name', 'gpu', '--detach');
    expect(sent.code).toBe(0);
    const worker = await b.run('worker', ...queue, '--model', QUICK[1]!, '--device', 'webgpu');
    expect(worker.code).toBe(1);
    expect(worker.err.endsWith(LINE)).toBe(true);
    expect(await registry.counts('gpu')).toMatchObject({ waiting: 2, running: 0, delayed: 0, failed: 0 });

    const here = await b.run('batch', style, input, '-o', b.at('here'), ...QUICK, '--device', 'webgpu', '--json');
    expect(here.err.endsWith(LINE)).toBe(true);
    expect(events(here.out).map(({ event }) => event)).toEqual(['start', undefined]);
    expect(filesUnder(b.at('here')).size).toBe(0);
  } finally {
    b.close();
    await registry.close();
    await connection.close();
    await redis.close();
  }
}, 240_000);
