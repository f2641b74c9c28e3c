/** The document the playground opens with: a pair and pictures to restyle, and a page with every kind of layer. */
import type { Paint, SolidPaint } from '@figma/plugin-typings/plugin-api-standalone';
import { instantiate } from '../figma/clone';
import { FigmaFile } from '../figma/file';
import { NO_LAYOUT, type NodeData } from '../figma/node-data';
import { ROOT } from '../figma/scene';
import { multiply, rotation, translation } from '../figma/transform';

const ICONS = ['cactus', 'green-apple', 'koala', 'locked', 'robot', 'sake', 'sunflower', 'umbrella'] as const;
type Sample = 'before' | 'after' | 'landscape' | (typeof ICONS)[number];

/** Hash of each sample's image in the document. */
export type SampleImages = Readonly<Record<Sample, string>>;

const solid = (hex: string): SolidPaint => {
  const value = (at: number): number => parseInt(hex.slice(at, at + 2), 16) / 255;
  return { type: 'SOLID', color: { r: value(1), g: value(3), b: value(5) } };
};
const WHITE = [solid('#ffffff')];
const at = (x: number, y: number): Pick<NodeData, 'transform'> => ({ transform: translation(x, y) });
const size = (width: number, height = width): Pick<NodeData, 'width' | 'height'> => ({ width, height });
const plain = (name: string): string => name.replace('-', ' ');

/** @param fetchSample gives the file of a sample. */
export async function openSamples(
  fetchSample: (file: string) => Promise<Uint8Array>,
): Promise<{ readonly file: FigmaFile; readonly pair: readonly string[] }> {
  const file = new FigmaFile();
  const names: readonly Sample[] = ['before', 'after', 'landscape', ...ICONS];
  const hashes = await Promise.all(
    names.map(async (name) => {
      const bytes = await fetchSample(name === 'landscape' ? 'landscape.jpg' : `${name}.png`);
      return [name, file.images.add(bytes)] as const;
    }),
  );
  const images = Object.fromEntries(hashes) as Record<Sample, string>;
  const pair = fillFirstPage(file, images);
  fillSecondPage(file, images);
  file.history.restart();
  return { file, pair };
}

const picture = (imageHash: string): { fills: readonly Paint[] } => ({
  fills: [{ type: 'IMAGE', scaleMode: 'FILL', imageHash }],
});

/** Returns the ids of the pair. */
function fillFirstPage({ scene }: FigmaFile, images: SampleImages): readonly string[] {
  const page = scene.create('PAGE', ROOT, { name: 'Icons', fills: [] }).id;
  const card = { fills: WHITE, cornerRadius: 16 };
  const pair = scene.create('FRAME', page, { name: 'A pair', ...card, ...at(0, 0), ...size(560, 280) }).id;
  const before = { name: 'teddy bear before', ...picture(images.before), ...at(40, 40), ...size(200) };
  const after = { name: 'teddy bear after', ...picture(images.after), ...at(320, 40), ...size(200) };
  const ids = [before, after].map((patch) => scene.create('RECTANGLE', pair, patch).id);
  const others = scene.create('FRAME', page, { name: 'To restyle', ...card, ...at(0, 340), ...size(560, 300) }).id;
  ICONS.forEach((icon, index) => {
    const place = at(24 + 132 * (index % 4), 28 + 132 * Math.floor(index / 4));
    scene.create('RECTANGLE', others, { name: plain(icon), ...picture(images[icon]), ...place, ...size(112) });
  });
  return ids;
}

function fillSecondPage(file: FigmaFile, images: SampleImages): void {
  const { scene } = file;
  const page = scene.create('PAGE', ROOT, { name: 'Every kind of layer', fills: [] }).id;

  scene.create('RECTANGLE', page, { name: 'landscape', ...picture(images.landscape), ...at(0, 0), ...size(480, 320) });

  const layout = { ...NO_LAYOUT, mode: 'HORIZONTAL', itemSpacing: 16, counterAxisAlign: 'CENTER' } as const;
  const padding = { paddingLeft: 24, paddingRight: 24, paddingTop: 24, paddingBottom: 24 };
  const row = scene.create('FRAME', page, {
    name: 'Auto layout',
    fills: WHITE,
    cornerRadius: 12,
    layout: { ...layout, ...padding },
    ...at(520, 0),
  }).id;
  for (const icon of ['koala', 'robot', 'sake'] as const) {
    scene.create('RECTANGLE', row, { name: plain(icon), ...picture(images[icon]), ...size(96) });
  }

  const turned = scene.create('FRAME', page, {
    name: 'Rotated',
    fills: [solid('#fff1d6')],
    cornerRadius: 12,
    transform: multiply(translation(560, 260), rotation(12)),
    ...size(150, 130),
  }).id;
  scene.create('RECTANGLE', turned, { name: 'sunflower', ...picture(images.sunflower), ...at(25, 15), ...size(100) });

  const group = scene.create('GROUP', page, { name: 'Group' }).id;
  scene.create('ELLIPSE', group, { name: 'plate', fills: [solid('#dfeee0')], ...at(780, 200), ...size(150) });
  const apple = { name: 'green apple', ...picture(images['green-apple']), ...at(805, 220), ...size(100) };
  scene.create('RECTANGLE', group, apple);

  drawSecondRow(file, page, images);
}

/** What needs care: masks, clipping, components, text, shapes, and what is locked or hidden. */
function drawSecondRow(file: FigmaFile, page: string, images: SampleImages): void {
  const { scene } = file;
  const masked = scene.create('GROUP', page, { name: 'Masked' }).id;
  scene.create('ELLIPSE', masked, { name: 'mask', isMask: true, ...at(0, 380), ...size(160) });
  const view = { name: 'landscape', ...picture(images.landscape), ...at(-40, 370), ...size(270, 180) };
  scene.create('RECTANGLE', masked, view);

  const clipped = scene.create('FRAME', page, { name: 'Clipped', fills: WHITE, ...at(200, 400), ...size(140) }).id;
  scene.create('RECTANGLE', clipped, { name: 'umbrella', ...picture(images.umbrella), ...at(50, 40), ...size(120) });

  const component = scene.create('COMPONENT', page, { name: 'Badge', cornerRadius: 70, ...at(380, 400), ...size(140) });
  scene.patch(component.id, { fills: [solid('#e4ddff')], clipsContent: true });
  const lock = { name: 'locked', ...picture(images.locked), ...at(30, 30), ...size(80) };
  scene.create('RECTANGLE', component.id, lock);
  instantiate(scene, component.id, page, { name: 'Badge', ...at(540, 400) });

  scene.create('TEXT', page, {
    name: 'Title',
    fills: [solid('#b14f2b')],
    text: { characters: 'Diptych', fontSize: 56, fontFamily: 'Georgia', fontStyle: 'Bold', align: 'LEFT' },
    ...at(720, 420),
    ...size(230, 68),
  });

  const ring = scene.create('BOOLEAN_OPERATION', page, { name: 'Ring', booleanOperation: 'SUBTRACT' }).id;
  scene.create('ELLIPSE', ring, { name: 'outer', ...at(0, 590), ...size(120) });
  scene.create('ELLIPSE', ring, { name: 'inner', ...at(30, 620), ...size(60) });
  scene.patch(ring, { fills: [gradient('#ff7a59', '#7b61ff')] });

  scene.create('VECTOR', page, {
    name: 'Star',
    fills: [solid('#f2b705')],
    vectorPaths: [
      {
        windingRule: 'NONZERO',
        data: 'M 60 0 L 77 42 L 120 46 L 87 74 L 97 118 L 60 94 L 23 118 L 33 74 L 0 46 L 43 42 Z',
      },
    ],
    ...at(160, 590),
    ...size(120),
  });
  const stuck = { name: 'Locked cactus', locked: true, ...picture(images.cactus), ...at(320, 590), ...size(120) };
  scene.create('RECTANGLE', page, stuck);
  const unseen = { name: 'Hidden robot', visible: false, ...picture(images.robot), ...at(480, 590), ...size(120) };
  scene.create('RECTANGLE', page, unseen);
  scene.create('FRAME', page, {
    name: 'Empty frame',
    fills: [],
    strokes: [solid('#9a9a9a')],
    ...at(620, 590),
    ...size(120),
  });
}

const gradient = (from: string, to: string): Paint => ({
  type: 'GRADIENT_LINEAR',
  gradientTransform: [
    [1, 0, 0],
    [0, 1, 0],
  ],
  gradientStops: [
    { position: 0, color: { ...solid(from).color, a: 1 } },
    { position: 1, color: { ...solid(to).color, a: 1 } },
  ],
});
