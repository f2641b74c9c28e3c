/** Programs that hold memory dear: weights mapped from files on disk, at any offset, give the same numbers. */
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GraphBuilder } from '../../engine/graph/builder';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { openRuntime } from '../../engine/runtime/runtime';
import { f32 } from '../../engine/tensor/tensor';
import { fileSource } from '../../engine/weights/node-file';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mapped '));
});
afterEach(() => rm(dir, { recursive: true }));

test.each([8, 6, 3])('weights that start at byte %i of a file behind a symbolic link', async (offset) => {
  const words = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x4200);
  const bytes = new Uint8Array(offset + 8);
  bytes.set(new Uint8Array(words.buffer), offset);
  await writeFile(join(dir, 'blob'), bytes);
  await symlink(join(dir, 'blob'), join(dir, 'model.safetensors'));
  const file = await fileSource(join(dir, 'model.safetensors'), 'any name: at all');

  const b = new GraphBuilder();
  const weight = b.weight({ file: file.name, name: 'w', offset, length: 8 }, [2, 2], 'f16');
  b.output('y', b.linear(b.input('x', [1, 2]), b.cast(weight, 'f32')));
  const runtime = await openRuntime(nodeBackend, { threads: 1 });
  try {
    const program = await runtime.compile(b.finish(), new Map([[file.name, file]]), { lean: true });
    expect(runtime.memory().files).toBe(0);
    const { y } = await program.run({ x: f32([1, 2], [1, 2]) });
    expect((await y!.read()).data).toEqual(Float32Array.of(1 - 4, 2 ** -24 + 6));
  } finally {
    await runtime.dispose();
  }
});
