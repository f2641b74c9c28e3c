/** The icon sets that suites are drawn from, and the names no base model was trained on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadImage } from '../../../cli/inputs/images';
import type { Image } from '../../../engine/image/image';
import { InputError } from '../../../engine/errors';
import { loadSet, renderIcon, type IconSet } from '../thresholds/pair-sets';
import { SUITE_SIDE } from './plan';

export class Sources {
  /** Held out of the training of every base model, in every set. */
  readonly heldOut: readonly string[];
  readonly #folder: string;
  readonly #sets = new Map<string, IconSet>();

  /** @param root Diptych's folder; bench/pairs/node_modules must hold the sets. */
  constructor(root: string) {
    this.#folder = join(root, 'bench/pairs');
    const file = join(root, 'models/held-out.json');
    this.heldOut = (JSON.parse(readFileSync(file, 'utf8')) as { names: string[] }).names;
  }

  /** Throws an InputError when the packages are not installed. */
  set(name: string): IconSet {
    let set = this.#sets.get(name);
    if (!set) {
      try {
        set = loadSet(this.#folder, name);
      } catch {
        throw new InputError(`the icon set ${name} is not installed; run: npm ci --prefix bench/pairs`);
      }
      this.#sets.set(name, set);
    }
    return set;
  }

  /** "fluent-emoji@1.2.7", for the record. */
  version(name: string): string {
    const path = join(this.#folder, 'node_modules/@iconify-json', name, 'package.json');
    return `${name}@${(JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version}`;
  }

  has(set: string, icon: string): boolean {
    return icon in this.set(set).icons;
  }

  /** The SVG elements of an icon the set has. */
  body(set: string, icon: string): string {
    return this.set(set).icons[icon]!.body;
  }

  photograph(name: string): Promise<Image> {
    return loadImage(join(this.#folder, 'photographs', `${name}.jpg`));
  }

  draw(set: string, icon: string, ink?: string): Promise<Image> {
    return renderIcon(this.set(set), icon, SUITE_SIDE, ink);
  }
}
