/** The files most likely to break the reader next (docs/experiments.md, "Inputs tried"): right values, or one line that says what to do. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectCommand } from '../../cli/subcommands/inspect';
import { readAdapter, type AdapterFile } from '../../engine/lora/adapter-file';
import { coverageOf, describeCoverage } from '../../engine/lora/coverage';
import { memoryFolder, openWeights } from '../../engine/weights/folder';
import { writeSafetensors, type TensorToWrite } from '../../engine/weights/safetensors';
import { bytesSource } from '../../engine/weights/source';
import { inputError } from '../weights/support';

const tensor = (name: string, ...shape: number[]): TensorToWrite => ({
  name,
  dtype: 'F32',
  shape,
  data: new Float32Array(shape.reduce((n, extent) => n * extent, 1)).fill(0.5),
});
const file = (...tensors: TensorToWrite[]): Uint8Array<ArrayBuffer> => writeSafetensors(tensors);
const read = (bytes: Uint8Array): Promise<AdapterFile> => readAdapter(bytesSource('f.safetensors', bytes));
const said = async (bytes: Uint8Array): Promise<string> => describeCoverage(coverageOf(await read(bytes)));

const TARGET = 'down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q';
const kohya = (target = TARGET): TensorToWrite[] => [
  tensor(`lora_unet_${target}.lora_down.weight`, 2, 4),
  tensor(`lora_unet_${target}.lora_up.weight`, 4, 2),
  tensor(`lora_unet_${target}.alpha`),
];

test('LyCORIS: LoHa, LoKr, LoCon, norms, whole differences, GLoRA, OFT, biases are named', async () => {
  const proj = 'lora_unet_mid_block_attentions_0_proj_in';
  const conv = 'lora_unet_down_blocks_0_resnets_0_conv1';
  expect(
    await said(
      file(
        ...kohya(),
        tensor(`${proj}.hada_w1_a`, 2, 2),
        tensor(`${proj}.hada_w1_b`, 2, 2),
        tensor('lora_unet_mid_block_attentions_0_proj_out.lokr_w1', 2, 2),
        tensor('lora_unet_up_blocks_1_attentions_0_proj_in.oft_blocks', 2, 2, 2),
        tensor('lora_unet_up_blocks_1_attentions_0_proj_out.a1.weight', 2, 2),
        tensor(`${conv}.lora_down.weight`, 2, 4, 3, 3),
        tensor(`${conv}.lora_up.weight`, 4, 2, 1, 1),
        tensor(`${conv}.lora_mid.weight`, 2, 2, 3, 3),
        tensor('lora_unet_down_blocks_0_resnets_0_norm1.w_norm', 4),
        tensor('lora_unet_conv_in.diff', 4, 4),
      ),
    ),
  ).toBe(
    '1 of 8 modules are applied; not applied: 2 a whole difference of weights, 1 a convolution LoRA with a middle factor, 1 LoHa, 1 LoKr, 1 OFT, 1 GLoRA',
  );
  expect(await inputError(read(file(tensor(`${proj}.hada_w1_a`, 2, 2))))).toMatch(
    /holds no LoRA for a Stable Diffusion UNet; mid_block\.attentions\.0\.proj_in is LoHa; choose a LoRA file$/,
  );
});

test("kohya's with text encoders, OneTrainer's and ComfyUI's prefixes, the oldest diffusers' keys", async () => {
  const text = (key: string): TensorToWrite[] => [
    tensor(`${key}.lora_down.weight`, 2, 4),
    tensor(`${key}.lora_up.weight`, 4, 2),
  ];
  expect(await said(file(...kohya(), ...text('lora_te1_text_model_encoder_layers_0_mlp_fc1')))).toBe(
    '1 of 2 modules are applied; not applied: 1 part of a text encoder',
  );
  const dotted = 'down_blocks.0.attentions.0.transformer_blocks.0.attn1';
  for (const [down, up] of [
    [`unet.${dotted}.processor.to_q_lora.down.weight`, `unet.${dotted}.processor.to_q_lora.up.weight`],
    [
      'diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q.lora_down.weight',
      'diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q.lora_up.weight',
    ],
    [`lora_unet.${dotted}.to_q.lora_down.weight`, `lora_unet.${dotted}.to_q.lora_up.weight`],
  ] as const) {
    expect([...(await read(file(tensor(down, 2, 4), tensor(up, 4, 2)))).targets.keys()]).toEqual([`${dotted}.to_q`]);
  }
});

test('an index with a missing shard, a path that leads out, and one that is absolute', async () => {
  const index = (shard: string): Promise<unknown> =>
    openWeights(
      memoryFolder(
        'model',
        new Map([
          [
            'unet/diffusion_pytorch_model.safetensors.index.json',
            new TextEncoder().encode(JSON.stringify({ weight_map: { t: shard } })),
          ],
        ]),
      ),
      'unet',
    );
  expect(await inputError(index('a-00001-of-00002.safetensors'))).toMatch(
    /model\/unet\/a-00001-of-00002\.safetensors: no such file/,
  );
  for (const path of [
    '../../other.safetensors',
    '/etc/other.safetensors',
    'C:\\other.safetensors',
    'a//b.safetensors',
  ]) {
    expect(await inputError(index(path))).toMatch(/is not a path inside the folder; check the model's index file/);
  }
});

describe('inspect says what use would', () => {
  const folder = mkdtempSync(join(tmpdir(), 'diptych-inputs-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const inspect = (bytes: Uint8Array): ReturnType<typeof inspectCommand> => {
    const path = join(folder, 'f.safetensors');
    writeFileSync(path, bytes);
    return inspectCommand(path, '/nowhere');
  };

  test.each<[string, Uint8Array, RegExp]>([
    ['LoHa', file(tensor(`lora_unet_${TARGET}.hada_w1_a`, 2, 2)), /is LoHa; choose a LoRA file/],
    [
      "A1111's single file",
      file(tensor('model.diffusion_model.input_blocks.0.0.weight', 2, 2)),
      /holds no text encoder; choose a file with its text encoder in it/,
    ],
    [
      'mostly something else',
      file(...kohya(), tensor('lora_te_a.lora_up.weight', 1, 1), tensor('lora_te_b.lora_up.weight', 1, 1)),
      /only 1 of 3 modules are applied/,
    ],
  ])('%s', async (_, bytes, problem) => {
    const { problems } = await inspect(bytes);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });

  test('a LoRA that is applied has no problems, and says so in numbers', async () => {
    const { facts, problems } = await inspect(file(...kohya()));
    expect(problems).toEqual([]);
    expect(facts).toMatchObject({ rank: '2', alpha: '0.5', coverage: { applied: 1, modules: 1, notApplied: [] } });
  });
});
