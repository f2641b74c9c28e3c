/** The embedded base model's files. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { root } from './output.mjs';

/** What the engine reads of a diffusers folder; cards and pictures stay behind. */
const READ_BY_ENGINE = /\.(json|txt|safetensors)$/;

/** Path of the one folder under models/ that is a model. Throws an Error when there is none, or more than one. */
export function embeddedModelFolder() {
  const models = join(root, 'models');
  const names = readdirSync(models).filter((name) => existsSync(join(models, name, 'model_index.json')));
  if (names.length !== 1) {
    throw new Error(`models/ holds ${names.length} models (${names.join(', ')}); leave the one to be embedded`);
  }
  return join(models, names[0]);
}

/** Path of the newest folder under models/ that is a model which reads a style from its pair. */
export function pairModelFolder() {
  const models = join(root, 'models');
  const isPairModel = (name) => {
    const config = join(models, name, 'config.json');
    return existsSync(config) && JSON.parse(readFileSync(config, 'utf8'))._class_name === 'PairNet';
  };
  const name = readdirSync(models).filter(isPairModel).sort().at(-1);
  if (name === undefined) throw new Error('models/ holds no model that reads pairs; add one');
  return join(models, name);
}

/** That model, in the same form as embeddedModel gives the other. */
export function pairModel() {
  return modelIn(pairModelFolder());
}

/** The embedded model: its name, and its files' contents by path, in order of their paths. */
export function embeddedModel() {
  return modelIn(embeddedModelFolder());
}

/** The tests' random models, for panels of which it does not matter what they draw. */
export function tinyModels() {
  const at = (path) => modelIn(join(root, path));
  return { model: at('test/fixtures/tiny-model'), pairs: at('test/goldens/cases/pair/one-reference/net') };
}

/** The model in a folder, in the same form. */
function modelIn(folder) {
  const paths = readdirSync(folder, { recursive: true })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => READ_BY_ENGINE.test(path))
    .sort();
  return { name: basename(folder), files: new Map(paths.map((path) => [path, readFileSync(join(folder, path))])) };
}
