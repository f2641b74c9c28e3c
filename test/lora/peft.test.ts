/** PEFT folders act as PEFT itself applies them (fixtures/make_peft.py), from disk as the command line reads them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readStyleFile } from '../../cli/inputs/style-files';
import { readAdapter } from '../../engine/lora/adapter-file';
import { openSafetensors, readFloats } from '../../engine/weights/safetensors';
import { bytesSource } from '../../engine/weights/source';
import { inputError } from '../weights/support';

const folder = (name: string): string => join(__dirname, 'fixtures', name);

test.each(['peft-plain', 'peft-patterns', 'peft-rslora'])('%s', async (name) => {
  const deltas = await openSafetensors(
    bytesSource('delta', new Uint8Array(readFileSync(join(folder(name), 'delta.safetensors')))),
  );
  for (const path of [folder(name), join(folder(name), 'adapter_model.safetensors')]) {
    const { targets, ignored } = await readAdapter(bytesSource('style', await readStyleFile(path)));
    expect(ignored).toEqual([]);
    expect([...targets.keys()].sort()).toEqual([...deltas.tensors.keys()].sort());
    for (const [target, { rank, alpha, a, b, inFeatures, outFeatures }] of targets) {
      const delta = await readFloats(deltas, target);
      expect(delta).toHaveLength(inFeatures * outFeatures);
      for (let o = 0; o < outFeatures; o++) {
        for (let i = 0; i < inFeatures; i++) {
          let sum = 0;
          for (let r = 0; r < rank; r++) sum += b[o * rank + r]! * a[r * inFeatures + i]!;
          expect((alpha / rank) * sum).toBeCloseTo(delta[o * inFeatures + i]!, 5);
        }
      }
    }
  }
});

test('a folder without an adapter is refused by name', async () => {
  expect(await inputError(readStyleFile(__dirname))).toMatch(
    /is a folder without adapter_model\.safetensors or pytorch_lora_weights\.safetensors; name the style's file$/,
  );
});
