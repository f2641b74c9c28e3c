/** Style files as we write them: they come back as they went, and other programs find what they look for. */
import { readStyle, writeStyle } from '../../engine/restyle/style-file';
import { openSafetensors } from '../../engine/weights/safetensors';
import { bytesSource } from '../../engine/weights/source';
import { inputError, strictSource } from '../weights/support';
import { BLOCK, INFO, NAMES, target } from './support';

const TARGETS = new Map(NAMES.map((name, i) => [name, target(4, 6 + i, 5 + i)]));

describe('writeStyle', () => {
  test.each(['peft', 'kohya'] as const)('%s keys come back as they went', async (keys) => {
    for (const dtype of ['F32', 'F16'] as const) {
      const file = await readStyle(strictSource(writeStyle(TARGETS, INFO, { dtype, keys })));
      expect(new Map([...file.targets].sort())).toEqual(new Map([...TARGETS].sort()));
      expect(file.ignored).toEqual([]);
      expect(file.info).toEqual(INFO);
    }
  });

  test('has the keys and metadata other programs look for', async () => {
    const one = new Map([[`${BLOCK}.attn1.to_out.0`, target(2, 3, 4)]]);
    const peft = await openSafetensors(bytesSource('f', writeStyle(one, INFO)));
    expect([...peft.tensors.values()].map(({ name, dtype, shape }) => `${name} ${dtype} ${shape}`)).toEqual([
      `unet.${BLOCK}.attn1.to_out.0.lora_A.weight F32 2,3`,
      `unet.${BLOCK}.attn1.to_out.0.lora_B.weight F32 4,2`,
    ]);
    expect(peft.metadata).toMatchInlineSnapshot(`
     {
       "diptych_format": "1",
       "diptych_ground_reach": "0.05",
       "diptych_mode": "pair",
       "diptych_model_fingerprint": "f00d",
       "diptych_prompt": "a red apple",
       "diptych_repainting": "-1 -0.875 -0.75 -0.625 -0.5 -0.375 -0.25 -0.125 0 0.125 0.25 0.375 0.5 0.625 0.75 0.875 1 1.125",
       "diptych_scale": "1.5",
       "diptych_style": "watercolor",
       "diptych_style_prompt": "a red apple in watercolor style",
       "format": "pt",
       "ss_base_model_version": "sd_v1",
       "ss_learning_rate": "0.0001",
       "ss_max_train_steps": "500",
       "ss_network_alpha": "2",
       "ss_network_dim": "2",
       "ss_network_module": "networks.lora",
       "ss_output_name": "watercolor",
       "ss_sd_model_name": "models/tiny",
       "ss_seed": "7",
     }
    `);
    const kohya = await openSafetensors(bytesSource('f', writeStyle(one, INFO, { keys: 'kohya', dtype: 'F16' })));
    expect([...kohya.tensors.keys()]).toEqual(
      ['alpha', 'lora_down.weight', 'lora_up.weight'].map(
        (part) => `lora_unet_down_blocks_0_attentions_1_transformer_blocks_0_attn1_to_out_0.${part}`,
      ),
    );
  });

  test("SDXL's blocks go by their original names under kohya's keys, and come back", async () => {
    const names = [
      'down_blocks.1.attentions.0',
      'down_blocks.2.attentions.1',
      'mid_block.attentions.0',
      'up_blocks.1.attentions.2',
    ];
    const targets = new Map(
      names.map((block, i) => [`${block}.transformer_blocks.0.attn1.to_out.0`, target(2, 3 + i, 4)]),
    );
    const bytes = writeStyle(targets, { ...INFO, baseModelVersion: 'sdxl_base_v1-0' }, { keys: 'kohya' });
    const tensors = [...(await openSafetensors(bytesSource('f', bytes))).tensors.keys()];
    expect(tensors.filter((name) => name.endsWith('.alpha')).sort()).toEqual(
      ['input_blocks_4_1', 'input_blocks_8_1', 'middle_block_1', 'output_blocks_5_1'].map(
        (block) => `lora_unet_${block}_transformer_blocks_0_attn1_to_out_0.alpha`,
      ),
    );
    expect((await readStyle(bytesSource('f', bytes))).targets).toEqual(targets);
  });

  test("an alpha other than the rank goes into B under PEFT keys, and stands under kohya's", async () => {
    const scaled = target(4, 3, 2, 8);
    const targets = new Map([[NAMES[0]!, scaled]]);
    const peft = (await readStyle(bytesSource('f', writeStyle(targets, INFO)))).targets.get(NAMES[0]!)!;
    expect(peft).toEqual({ ...scaled, alpha: 4, b: scaled.b.map((value) => 2 * value) });
    const kohya = (await readStyle(bytesSource('f', writeStyle(targets, INFO, { keys: 'kohya' })))).targets.get(
      NAMES[0]!,
    )!;
    expect(kohya).toEqual(scaled);
  });

  test('refuses weights that are not finite or do not fit', async () => {
    const one = target(1, 1, 1);
    const write = (value: number, dtype: 'F32' | 'F16') =>
      inputError(
        Promise.resolve().then(() =>
          writeStyle(new Map([[NAMES[0]!, { ...one, b: Float32Array.of(value) }]]), INFO, { dtype }),
        ),
      );
    expect(await write(NaN, 'F32')).toMatch(/not finite/);
    expect(await write(1e5, 'F16')).toMatch(/too large for f16/);
  });
});
