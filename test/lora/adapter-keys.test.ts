/** Names of target modules behind the keys of adapter files. */
import fc from 'fast-check';
import { isTransformerProjection, parseAdapterKey } from '../../engine/lora/adapter-keys';

describe('module names', () => {
  const index = fc.integer({ min: 0, max: 23 });
  const block = fc.oneof(
    index.map((i) => `down_blocks.${i}`),
    index.map((i) => `up_blocks.${i}`),
    fc.constant('mid_block'),
  );
  const projection = fc.oneof(
    fc.constantFrom('proj_in', 'proj_out'),
    fc
      .tuple(
        index,
        fc.constantFrom('attn1.to_q', 'attn1.to_k', 'attn2.to_v', 'attn2.to_out.0', 'ff.net.0.proj', 'ff.net.2'),
      )
      .map(([i, rest]) => `transformer_blocks.${i}.${rest}`),
  );
  const targetName = fc.tuple(block, index, projection).map(([at, i, rest]) => `${at}.attentions.${i}.${rest}`);

  test("every target survives kohya's underscores", () => {
    fc.assert(
      fc.property(targetName, (name) => {
        expect(isTransformerProjection(name)).toBe(true);
        const key = `lora_unet_${name.replaceAll('.', '_')}.lora_up.weight`;
        expect(parseAdapterKey(key, 2)).toEqual({ module: name, part: 'up', isUnet: true });
      }),
    );
  });

  test('any key can be parsed', () => {
    fc.assert(
      fc.property(fc.string(), (key) =>
        expect(parseAdapterKey(key, 2).module.length).toBeLessThanOrEqual(key.length + 20),
      ),
    );
  });

  // The original UNet's numbering with two layers a block: SD 1 has attention in input blocks 1, 2, 4, 5, 7, 8 and output blocks 3 to 11.
  test.each([
    ['input_blocks_1_1', 2, 'down_blocks.0.attentions.0'],
    ['input_blocks_2_1', 2, 'down_blocks.0.attentions.1'],
    ['input_blocks_4_1', 2, 'down_blocks.1.attentions.0'],
    ['input_blocks_8_1', 2, 'down_blocks.2.attentions.1'],
    ['middle_block_1', 2, 'mid_block.attentions.0'],
    ['output_blocks_0_1', 2, 'up_blocks.0.attentions.0'],
    ['output_blocks_5_1', 2, 'up_blocks.1.attentions.2'],
    ['output_blocks_11_1', 2, 'up_blocks.3.attentions.2'],
    ['input_blocks_3_1', 1, 'down_blocks.1.attentions.0'],
    ['output_blocks_3_1', 1, 'up_blocks.1.attentions.1'],
  ])('%s with %i layers a block is %s', (original, layers, diffusers) => {
    expect(parseAdapterKey(`lora_unet_${original}_proj_in.alpha`, layers)).toEqual({
      module: `${diffusers}.proj_in`,
      part: 'alpha',
      isUnet: true,
    });
  });

  test('modules that are not targets stay recognisable', () => {
    const module = (key: string): string => parseAdapterKey(key, 2).module;
    expect(module('lora_unet_down_blocks_0_resnets_1_time_emb_proj.lora_down.weight')).toBe(
      'down_blocks.0.resnets.1.time_emb_proj',
    );
    expect(module('lora_unet_down_blocks_0_downsamplers_0_conv.lora_down.weight')).toBe(
      'down_blocks.0.downsamplers.0.conv',
    );
    expect(module('lora_unet_time_embedding_linear_1.lora_down.weight')).toBe('time_embedding.linear_1');
    for (const key of [
      'input_blocks_3_0_op',
      'input_blocks_0_1',
      'middle_block_0_in_layers_2',
      'output_blocks_2_2_conv',
    ]) {
      expect(isTransformerProjection(module(`lora_unet_${key}.lora_down.weight`))).toBe(false);
    }
  });
});
