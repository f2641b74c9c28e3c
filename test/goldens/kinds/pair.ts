/** Golden cases of the pair-conditioned net: pair, pair-gradients, pair-closed-form, pair-areas, pair-area-net. */
import { gradients } from '../../../engine/autodiff/gradients';
import { GraphBuilder } from '../../../engine/graph/builder';
import type { Value } from '../../../engine/graph/graph';
import { attentionTargets, findTargets } from '../../../engine/lora/target-modules';
import { stackedAdapters, type StackedMatrices } from '../../../engine/lora/stack';
import {
  applyClosedForm,
  closedFormFeeds,
  closedFormInputs,
  fitClosedForm,
} from '../../../engine/nets/pair/closed-form';
import { areaNet, type AreaFactValues } from '../../../engine/nets/pair/area-net';
import {
  AREAS,
  BINS,
  FATE,
  FORM,
  NEAR,
  PALETTE_CHANNELS,
  readPairNetConfig,
  type PairNetConfig,
} from '../../../engine/nets/pair/config';
import { headAnswer, MARGIN, readAreas, readReferencePixels, type HeadInputs } from '../../../engine/nets/pair/head';
import type { ReferencePixels } from '../../../engine/nets/pair/lookup';
import { addAreaChanges, areaFacts, fateOf } from '../../../engine/image/area-facts';
import { findAreas, membershipAt, membershipOf, nearnessAt, nearnessOf } from '../../../engine/image/areas';
import { image, type Image } from '../../../engine/image/image';
import { premultipliedAt } from '../../../engine/image/premultiplied';
import { pairLoss } from '../../../engine/nets/pair/loss';
import { queryFeatures, referenceStates } from '../../../engine/nets/pair/backbone';
import { interpolation, resizeFeatures } from '../../../engine/nets/pair/resize';
import { Scope, type Adapt } from '../../../engine/nets/scope';
import { f32, type HostTensor } from '../../../engine/tensor/tensor';
import { openWeights, type WeightSet } from '../../../engine/weights/folder';
import { filesOf, input, withRuntime, type GoldenCase } from '../case';

type Floats = HostTensor<'f32'>;
type Results = ReadonlyMap<string, HostTensor>;

interface Net {
  readonly config: PairNetConfig;
  readonly weights: WeightSet;
}

async function open(golden: GoldenCase): Promise<Net> {
  const folder = String(golden.json['net']);
  const json = await golden.folder.json(`${folder}/config.json`);
  return {
    config: readPairNetConfig(json, `${golden.dir}/${folder}`),
    weights: await openWeights(golden.folder, folder),
  };
}

export async function runPair(golden: GoldenCase): Promise<Results> {
  const net = await open(golden);
  return run(net, Object.fromEntries(golden.inputs), (b) => {
    const { features, after } = forward(b, net, golden, inputsOf(b, golden));
    b.output('features', channelsLast(b, features));
    b.output('after', channelsLast(b, after));
  });
}

export async function runPairGradients(golden: GoldenCase): Promise<Results> {
  const net = await open(golden);
  const feeds = Object.fromEntries(golden.inputs);
  const adapters = ['content', 'style'];
  return run(net, feeds, (b) => {
    const values = new Map(Object.entries(feeds).map(([name, { shape }]) => [name, b.input(name, shape)]));
    const value = (name: string): Value => values.get(name)!;
    const modules = targetsOf(net, golden);
    const matrices = new Map(
      modules.map((target): [string, StackedMatrices] => [
        target,
        {
          down: b.concat(
            adapters.map((name) => value(`${name}.${target}.A`)),
            0,
          ),
          up: b.concat(
            adapters.map((name) => value(`${name}.${target}.B`)),
            1,
          ),
        },
      ]),
    );
    const rank = matrices.get(modules[0]!)!.down.shape[0]!;
    const adapt = stackedAdapters(b, matrices, { multiplier: b.reshape(b.ones(rank), [1, 1, rank]) });
    const { after } = forward(b, net, golden, value, adapt);
    const loss = pairLoss(b, after, channelsFirst(b, value('target')), value('change'));
    b.output('loss', b.reshape(loss, [1]));
    const targets = modules.flatMap((target) => adapters.map((name) => `${name}.${target}`));
    gradients(
      b,
      loss,
      targets.map((name) => value(`${name}.B`)),
    ).forEach((gradient, i) => b.output(`${targets[i]!}.grad_B`, gradient));
  });
}

export async function runClosedForm(golden: GoldenCase): Promise<Results> {
  const [before, after, picture] = ['before', 'after', 'picture'].map((name) => input(golden, name)) as [
    Floats,
    Floats,
    Floats,
  ];
  const styles = before.shape[0]!;
  const results = new Map<string, number[]>([
    ['map', []],
    ['mapped', []],
    ['trust', []],
  ]);
  for (let style = 0; style < styles; style++) {
    const fit = fitClosedForm([{ before: pixelsOf(before, style), after: pixelsOf(after, style) }]);
    const { data, pixels } = pixelsOf(picture, style);
    const found = await run(undefined, { picture: f32(data, [1, 4, 1, pixels]), ...closedFormFeeds(fit) }, (b) => {
      const { mapped, trust } = applyClosedForm(b, closedFormInputs(b), b.input('picture', [1, 4, 1, pixels]));
      b.output('mapped', channelsLast(b, mapped));
      b.output('trust', channelsLast(b, trust));
    });
    results.get('map')!.push(...fit.map.flat());
    for (const name of ['mapped', 'trust']) results.get(name)!.push(...(found.get(name) as Floats).data);
  }
  const count = picture.shape[1]!;
  const shapes = { map: [styles, 11, 4], mapped: [styles, count, 4], trust: [styles, count, 1] };
  return new Map(Object.entries(shapes).map(([name, shape]) => [name, f32(results.get(name)!, shape)]));
}

export async function runAreas(golden: GoldenCase): Promise<Results> {
  const [height, width] = input(golden, 'picture').shape as [number, number, number];
  const pictureOf = (name: string): Image =>
    image(width, height, new Uint8ClampedArray(input(golden, name).data.map((value) => Math.round(value * 255))));
  const areas = findAreas(pictureOf('picture'));
  const member = f32(membershipOf(areas, 0, 0, width, height), [1, AREAS, height, width]);
  const near = f32(nearnessOf(areas, 0, 0, width, height), [1, NEAR, height, width]);
  const half = [height / 2, width / 2] as const;
  const found = {
    member,
    near,
    half_member: f32(membershipAt(areas, half[1], half[0]), [1, AREAS, ...half]),
    half_near: f32(nearnessAt(areas, half[1], half[0]), [1, NEAR, ...half]),
    changed: f32(new Float32Array(4 * width * height).fill(0.1), [1, 4, height, width]),
  };
  const [changes, shares] = ['change', 'share'].map((name) => input(golden, name).data as Float32Array) as [
    Float32Array,
    Float32Array,
  ];
  addAreaChanges(areas, { changes, shares }, { x: 0, y: 0, width, height }, found.changed.data);
  const facts = areaFacts(areas);
  const fate = fateOf(areas, premultipliedAt(pictureOf('after'), width, height));
  const results = await run(undefined, found, (b) => {
    for (const [
      name,
      {
        shape: [, ...sizes],
      },
    ] of Object.entries(found)) {
      b.output(name, b.transpose(b.reshape(b.input(name, [1, ...sizes]), sizes), [1, 2, 0]));
    }
  });
  return new Map([
    ...results,
    ['palette', f32(areas.palette, [AREAS, PALETTE_CHANNELS])],
    ['form', f32(facts.form, [AREAS, FORM])],
    ['touches', f32(facts.beside, [AREAS, AREAS])],
    ['fate', f32(fate, [AREAS, BINS, FATE])],
  ]);
}

export async function runAreaNet(golden: GoldenCase): Promise<Results> {
  const { config, weights } = await open(golden);
  return run({ config, weights }, Object.fromEntries(golden.inputs), (b) => {
    const value = inputsOf(b, golden);
    const facts = (prefix: string): AreaFactValues => ({
      palette: value(`${prefix}palette`),
      form: value(`${prefix}form`),
      beside: value(`${prefix}touches`),
    });
    const references = { ...facts('ref_'), fate: value('ref_fate') };
    const scope = new Scope(b, weights).at('area_net');
    const { colours, shares } = areaNet(scope, config.areaNet, facts(''), references, value('colours'));
    b.output('made', colours);
    b.output('share', shares);
  });
}

/** A case's inputs as the graph's, made where they are first asked for. */
function inputsOf(b: GraphBuilder, golden: GoldenCase): (name: string) => Value {
  return (name) => b.input(name, input(golden, name).shape);
}

/** References first, then queries; every query of a style reads all of the style's references. */
function forward(
  b: GraphBuilder,
  { config, weights }: Net,
  golden: GoldenCase,
  value: (name: string) => Value,
  adapt?: Adapt,
): { features: Value; after: Value } {
  const scope = new Scope(b, weights, adapt);
  const { styles, references } = golden.parameters as { styles: number; references: number };
  const all = channelsFirst(b, value('planes'));
  const near = channelsFirst(b, value('near'));
  const member = channelsFirst(b, value('member'));
  const first = styles * references;
  const count = all.shape[0]! - first;
  const queries = b.slice(all, 0, first, first + count);
  const forQueries = (x: Value): Value => {
    const [, tokens, width] = x.shape as [number, number, number];
    const joined = b.reshape(x, [styles, 1, references * tokens, width]);
    const repeated = b.expand(joined, [styles, count / styles, references * tokens, width]);
    return b.reshape(repeated, [count, references * tokens, width]);
  };
  const readable = <K extends string>(states: Readonly<Record<K, Value>>): Record<K, Value> =>
    Object.fromEntries(Object.entries<Value>(states).map(([name, x]) => [name, forQueries(x)])) as Record<K, Value>;
  const keys: { keys: Value; values: Value }[][] = [];
  const pixels: ReferencePixels[] = [];
  if (first > 0) {
    const pictures = b.slice(all, 0, 0, first);
    const states = referenceStates(scope, config, pictures);
    keys.push(states.keys.map(readable));
    const inputs = headInputs(b, pictures, b.slice(near, 0, 0, first), states.features);
    pixels.push(readable(readReferencePixels(scope, config, inputs)));
  }
  const features = queryFeatures(scope, config, queries, keys);
  const whole = headInputs(b, queries, b.slice(near, 0, first, first + count), features);
  const colours = value('palette');
  const [, number, channels] = colours.shape as [number, number, number];
  const repeated = b.expand(b.reshape(colours, [styles, 1, number, channels]), [
    styles,
    count / styles,
    number,
    channels,
  ]);
  const palette = b.reshape(repeated, [count, number, channels]);
  const values = readAreas(scope, config, whole, pixels, { member, palette });
  if (!golden.inputs.has('own')) {
    return { features, after: headAnswer(scope, config, whole, pixels, { values, member }) };
  }
  const [own, ownNear, ownMember] = ['own', 'own_near', 'own_member'].map((name) => channelsFirst(b, value(name))) as [
    Value,
    Value,
    Value,
  ];
  const inputs = headInputs(b, own, ownNear, features);
  return { features, after: headAnswer(scope, config, inputs, pixels, { values, member: ownMember }) };
}

/** What the head takes of whole pictures [N, 13 or more, H, W], with the features at any size. */
function headInputs(b: GraphBuilder, own: Value, near: Value, features: Value): HeadInputs {
  const [height, width] = own.shape.slice(2) as [number, number];
  const framed = (x: Value): Value => b.pad(x, [0, 0, MARGIN, MARGIN], [0, 0, MARGIN, MARGIN]);
  const planes = framed(own);
  const part = (start: number, end: number): Value => b.slice(planes, 1, start, end);
  const along = (axis: 2 | 3, to: number): Value =>
    b.constant(interpolation(features.shape[axis]!, to, -MARGIN, to + 2 * MARGIN));
  return {
    source: part(0, 4),
    soFar: part(4, 8),
    mapped: part(8, 12),
    trust: part(12, 13),
    features: resizeFeatures(b, along(2, height), features, along(3, width)),
    near: framed(near),
    inside: framed(b.reshape(b.ones(height * width), [1, 1, height, width])),
  };
}

/** Target modules of the net's attentions. */
function targetsOf(net: Net, golden: GoldenCase): string[] {
  const found = findTargets((b, adapt) => {
    forward(b, net, golden, inputsOf(b, golden), adapt);
  });
  return [...new Set(attentionTargets(found).map(({ name }) => name))];
}

async function run(
  net: Net | undefined,
  feeds: Readonly<Record<string, HostTensor>>,
  build: (b: GraphBuilder) => void,
): Promise<Results> {
  const b = new GraphBuilder();
  build(b);
  return withRuntime(async (runtime) => {
    const program = await runtime.compile(b.finish(), net ? filesOf(net.weights) : new Map());
    const outputs = await program.run(feeds);
    return new Map(
      await Promise.all(Object.entries(outputs).map(async ([name, tensor]) => [name, await tensor.read()] as const)),
    );
  });
}

const channelsFirst = (b: GraphBuilder, x: Value): Value => b.transpose(x, [0, 3, 1, 2]);
const channelsLast = (b: GraphBuilder, x: Value): Value => b.transpose(x, [0, 2, 3, 1]);

/** The pixels [P, 4] of one style as four planes. */
function pixelsOf({ data, shape }: Floats, style: number): { data: Float32Array; pixels: number } {
  const pixels = shape[1]!;
  const planes = new Float32Array(4 * pixels);
  for (let p = 0; p < pixels; p++)
    for (let c = 0; c < 4; c++) planes[c * pixels + p] = data[(style * pixels + p) * 4 + c]!;
  return { data: planes, pixels };
}
