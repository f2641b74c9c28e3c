/**
 * The order of the rooms: imports go downward only, so that data flows one way and a reader can stop at any floor.
 * docs/architecture.md says what each room is for.
 */
import { dirname, relative, resolve, sep } from 'node:path';

const ROOT = import.meta.dirname;

/** From top to bottom; a room is a folder or a file. */
const ROOMS = [
  'engine/worker',
  'engine/engine',
  'engine/learn',
  'engine/restyle',
  'engine/pipeline',
  'engine/filter',
  'engine/requests',
  'engine/defaults',
  'engine/image',
  'engine/diffusion',
  'engine/lora',
  'engine/nets',
  'engine/weights',
  'engine/runtime',
  'engine/onnx',
  'engine/autodiff',
  'engine/graph',
  'engine/tensor',
  'engine/errors',
];

/** Folders beside the engine: what each may import, apart from itself and packages. */
const BESIDE = {
  common: [],
  plugin: ['common'],
  ui: ['engine', 'common'],
  cli: ['engine'],
  playground: ['ui', 'plugin', 'common', 'engine', 'manifest.json'],
  bench: ['engine', 'cli', 'scripts', 'test'],
};

/** Files of the engine that only Node loads; browser bundles never reach them. */
const NODE_ONLY = /(^|[/-])node(-[\w-]+)?\.ts$/;

const roomOf = (path) => ROOMS.findIndex((room) => path.startsWith(room) && /^($|[/.-])/.test(path.slice(room.length)));

function complaint(from, source) {
  if (/^onnxruntime-/.test(source) && from.startsWith('engine/') && !from.startsWith('engine/runtime/')) {
    return 'Only engine/runtime talks to ONNX Runtime: build a graph and compile it there.';
  }
  if (/^node:/.test(source) && from.startsWith('engine/') && !NODE_ONLY.test(from)) {
    return `The engine runs in browsers too: ${source} belongs in a file named node-*.ts or *-node.ts, or in cli/.`;
  }
  if (!source.startsWith('.')) return undefined;
  const to = relative(ROOT, resolve(ROOT, dirname(from), source))
    .split(sep)
    .join('/');
  const [fromRoom, toRoom] = [roomOf(from), roomOf(to)];
  if (fromRoom >= 0 && toRoom >= 0 && toRoom < fromRoom) {
    return `${ROOMS[fromRoom]} may not import ${ROOMS[toRoom]}: imports go downward only. Move what both need down, or pass it in.`;
  }
  if (fromRoom >= 0 && toRoom < 0) return `The engine may not import ${to}: nothing outside engine/ is below it.`;
  const folder = from.split('/')[0];
  const allowed = BESIDE[folder];
  if (
    allowed &&
    !to.startsWith(`${folder}/`) &&
    !allowed.some((prefix) => to === prefix || to.startsWith(`${prefix}/`))
  ) {
    return `${folder}/ may import ${allowed.join(', ') || 'nothing'} only, not ${to}.`;
  }
  return undefined;
}

export const rooms = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const from = relative(ROOT, context.filename).split(sep).join('/');
    const check = (node) => {
      if (typeof node.source?.value !== 'string') return;
      const message = complaint(from, node.source.value);
      if (message) context.report({ node, message });
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
    };
  },
};
