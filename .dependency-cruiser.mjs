/**
 * Which file may import which. `npm run lint` checks it, together with ESLint.
 *
 * The engine has floors: a file imports from its own floor and those below, so that a reader can stop at any of them.
 * docs/architecture.md says what each folder is for.
 */

/** The engine's floors, from top to bottom: folders, or files of its root. Paths of one floor may import one another. */
const FLOORS = [
  'worker',
  'engine',
  'jobs',
  'preflight',
  'learn',
  'restyle',
  'pipeline',
  'filter',
  'requests',
  'defaults',
  'modes',
  'image',
  'pair',
  'diffusion',
  'lora',
  'nets',
  'weights',
  'runtime',
  'onnx',
  'autodiff',
  'graph',
  'tensor',
  'errors',
].map((name) => ({ name, path: `^engine/${name}(/|\\.ts$)` }));

/** What each folder beside the engine may import from the project, apart from itself. */
const BESIDE = {
  common: ['engine/modes.ts'],
  plugin: ['common'],
  ui: ['engine', 'common'],
  batch: ['engine'],
  cli: ['engine', 'batch', 'common'],
  playground: ['ui', 'plugin', 'engine', 'common', 'manifest.json'],
  bench: ['engine', 'batch', 'cli', 'common', 'scripts', 'test'],
};

const PACKAGES = ['node_modules', 'bench/pairs/node_modules'].map((folder) => `^${folder}/`);
/** A file of the engine that only Node loads. */
const NODE_ONLY = ['/node-[^/]+$', '-node[.]ts$'];

const fix = (what, how) => `${what} How to fix it: ${how}`;

const upward = FLOORS.slice(1).map(({ name, path }, i) => ({
  name: `engine-${name}-imports-downward`,
  comment: fix(
    `engine/${name} may import the floors below it only; those above it are ${FLOORS.slice(0, i + 1)
      .map((floor) => floor.name)
      .join(', ')}.`,
    'move what both need down, or pass it in as an argument.',
  ),
  severity: 'error',
  from: { path },
  to: { path: FLOORS.slice(0, i + 1).map((floor) => floor.path) },
}));

const beside = Object.entries(BESIDE).map(([folder, allowed]) => ({
  name: `${folder}-imports`,
  comment: fix(
    `${folder}/ may import ${allowed.join(', ') || 'nothing of the project'} besides itself.`,
    'move what both need into common/ or engine/, or pass it in as an argument.',
  ),
  severity: 'error',
  from: { path: `^${folder}/` },
  to: {
    dependencyTypesNot: ['core'],
    pathNot: [...PACKAGES, ...[folder, ...allowed].map((path) => `^${path}(/|$)`)],
  },
}));

export default {
  forbidden: [
    {
      name: 'no-cycle',
      comment: fix(
        'These files import one another in a circle, so none can be read or tested alone. Types count.',
        'move what both need into a third file, or pass it in as an argument.',
      ),
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    ...upward,
    {
      name: 'engine-imports-itself-only',
      comment: fix('engine/ is below everything else and imports packages only.', 'pass it in as an argument.'),
      severity: 'error',
      from: { path: '^engine/' },
      to: { dependencyTypesNot: ['core'], pathNot: ['^engine/', '^common/', ...PACKAGES] },
    },
    {
      name: 'engine-on-a-floor',
      comment: fix(
        'Every file of engine/ belongs to a floor.',
        'add the new folder to FLOORS in .dependency-cruiser.mjs, above what it imports.',
      ),
      severity: 'error',
      from: {},
      to: { path: '^engine/', pathNot: FLOORS.map(({ path }) => path) },
    },
    {
      name: 'node-only-files',
      comment: fix(
        'The engine runs in browsers too, which have no node: modules.',
        'put it into a file named node-*.ts or *-node.ts, or into cli/.',
      ),
      severity: 'error',
      from: { path: '^engine/', pathNot: NODE_ONLY },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'onnxruntime-in-runtime-only',
      comment: fix('Only engine/runtime talks to ONNX Runtime.', 'build a graph and compile it there.'),
      severity: 'error',
      from: { path: '^(engine|ui|cli|batch|common|plugin|playground)/', pathNot: '^engine/runtime/' },
      to: { path: '(^|node_modules/)onnxruntime-' },
    },
    ...beside,
    {
      name: 'panel-state-without-engine',
      comment: fix(
        "The panel's state knows the engine by ui/ports.ts only, so that it can be tested without one.",
        'extend the port, and implement it in ui/engine.',
      ),
      severity: 'error',
      from: { path: '^ui/(state|views|components)/' },
      to: { path: '^ui/engine/' },
    },
    {
      name: 'panel-state-without-views',
      comment: fix('Views read the state; the state knows no view.', 'put what both need into ui/state.'),
      severity: 'error',
      from: { path: '^ui/(state|engine)/' },
      to: { path: '^ui/(views|components)/' },
    },
    {
      name: 'resolvable',
      comment: fix('The file or package does not exist.', 'correct the path, or install the package.'),
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: ['^figma', '\\.css$'] },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^dist/'] },
    exclude: { path: ['^dist/', '^models/', '^test/goldens/cases/'] },
    // Types too: an import that only TypeScript sees still makes a file hard to read alone.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default', 'node'] },
  },
};
