/** Golden cases of one forward pass: unet, text, vae. */
import { GraphBuilder } from '../../../engine/graph/builder';
import { readClipTextConfig } from '../../../engine/nets/clip-text-config';
import { clipText, poolIndices } from '../../../engine/nets/clip-text';
import { Scope } from '../../../engine/nets/scope';
import { decodeTiny, encodeTiny } from '../../../engine/nets/tiny-vae';
import { unet } from '../../../engine/nets/unet';
import { readUNetConfig } from '../../../engine/nets/unet-config';
import { decodeKl, encodeKl } from '../../../engine/nets/vae';
import { readVaeConfig } from '../../../engine/nets/vae-config';
import { i64, type HostTensor } from '../../../engine/tensor/tensor';
import { openWeights, type WeightSet } from '../../../engine/weights/folder';
import { filesOf, input, withRuntime, type GoldenCase } from '../case';

type Results = ReadonlyMap<string, HostTensor>;

async function run(
  weights: WeightSet,
  feeds: Readonly<Record<string, HostTensor>>,
  build: (b: GraphBuilder, scope: Scope) => void,
): Promise<Results> {
  const b = new GraphBuilder();
  build(b, new Scope(b, weights));
  return withRuntime(async (runtime) => {
    const program = await runtime.compile(b.finish(), filesOf(weights));
    const outputs = await program.run(feeds);
    return new Map(
      await Promise.all(Object.entries(outputs).map(async ([name, tensor]) => [name, await tensor.read()] as const)),
    );
  });
}

async function open<T>(
  golden: GoldenCase,
  part: string,
  read: (json: unknown, name: string) => T,
): Promise<{ config: T; weights: WeightSet }> {
  const folder = String(golden.json[part]);
  return {
    config: read(await golden.folder.json(`${folder}/config.json`), `${golden.dir}/${folder}`),
    weights: await openWeights(golden.folder, folder),
  };
}

export async function runUNet(golden: GoldenCase): Promise<Results> {
  const { config, weights } = await open(golden, 'unet', readUNetConfig);
  const feeds = Object.fromEntries(golden.inputs);
  return run(weights, feeds, (b, scope) => {
    const value = (name: string) => b.input(name, input(golden, name).shape);
    b.output(
      'sample',
      unet(scope, config, {
        sample: value('sample'),
        timestep: value('timestep'),
        context: value('encoder_hidden_states'),
        ...(config.textTime && { added: { textEmbeds: value('text_embeds'), timeIds: value('time_ids') } }),
      }),
    );
  });
}

export async function runText(golden: GoldenCase): Promise<Results> {
  const { config, weights } = await open(golden, 'text_encoder', readClipTextConfig);
  const ids = input(golden, 'input_ids');
  const [batch, length] = ids.shape as [number, number];
  const rows = Array.from({ length: batch }, (_, i) => [...ids.data.subarray(i * length, (i + 1) * length)]);
  const feeds = { ids: i64([...ids.data], ids.shape), pooled: i64(poolIndices(config, rows), [batch]) };
  return run(weights, feeds, (b, scope) => {
    const outputs = clipText(scope, config, b.input('ids', ids.shape, 'i64'), b.input('pooled', [batch], 'i64'));
    outputs.hiddenStates.forEach((state, i) => b.output(`hidden_states.${i}`, state));
    b.output('last_hidden_state', outputs.lastHiddenState);
    b.output(config.projection === null ? 'pooler_output' : 'text_embeds', outputs.pooled);
  });
}

export async function runVae(golden: GoldenCase): Promise<Results> {
  const { config, weights } = await open(golden, 'vae', readVaeConfig);
  const [image, latents] = [input(golden, 'image'), input(golden, 'latents')];
  return run(weights, { image, latents }, (b, scope) => {
    const pixels = b.input('image', image.shape);
    const z = b.input('latents', latents.shape);
    if (config.kind === 'tiny') {
      b.output('latents', encodeTiny(scope, config, pixels));
      b.output('decoded', decodeTiny(scope, config, z));
    } else {
      const { mean, logVariance } = encodeKl(scope, config, pixels);
      b.output('mean', mean);
      b.output('logvar', logVariance);
      b.output('decoded', decodeKl(scope, config, z));
    }
  });
}
