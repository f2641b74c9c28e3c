/** What pairs show at once, with nothing learned: three kinds of pair, each applied to pictures that it has never met. */
import { readFile } from 'node:fs/promises';
import type { Command } from './command';
import type { Row, Showing } from './report';
import { readRow } from './row';

interface Kind {
  /** Its folder in the demo's data and in its output. */
  readonly name: string;
  readonly title: string;
  readonly about: string;
  /** How the true result came about. */
  readonly truth: string;
  readonly pictures: readonly string[];
  readonly type: 'png' | 'jpg';
}

export const KINDS: readonly Kind[] = [
  {
    name: 'two-tone',
    title: 'Line icons in two tones',
    about: 'Insides are filled, sometimes more of them than the designer chose.',
    truth: 'Drawn by hand',
    pictures: ['butterfly', 'cactus', 'microscope', 'train'],
    type: 'png',
  },
  {
    name: 'grade',
    title: 'A colour grade',
    about: 'Teal shadows and orange lights, shown on one photograph.',
    truth: 'The grade itself',
    pictures: ['astronaut', 'cat', 'rocket'],
    type: 'jpg',
  },
  {
    name: 'gradient',
    title: 'Flat emoji with gradients',
    about: 'The hardest of the three: shading follows the form, of which one pair says little.',
    truth: 'Drawn by hand',
    pictures: ['bug', 'unicorn', 'registered'],
    type: 'png',
  },
];

const STRENGTHS = [0, 0.5, 1];

/** @param data the demo's data. @param out where its results go. */
export class AtOnce {
  readonly #data: string;
  readonly #out: string;

  constructor(data: string, out: string) {
    this.#data = `${data}/at-once`;
    this.#out = `${out}/at-once`;
  }

  get commands(): Command[] {
    return KINDS.flatMap((kind) =>
      STRENGTHS.map((strength) => ({
        title: `At once: ${kind.title.toLowerCase()}, strength ${strength}`,
        argv: [
          ...['restyle', '--pair', this.#input(kind, 'before'), this.#input(kind, 'after')],
          ...kind.pictures.map((name) => this.#input(kind, name)),
          ...['--strength', String(strength), '-o', this.#folder(kind, strength)],
        ],
      })),
    );
  }

  /** What the commands made, beside what it should be. */
  read(): Promise<Showing[]> {
    return Promise.all(
      KINDS.map(async (kind) => ({
        title: kind.title,
        about: kind.about,
        truth: kind.truth,
        before: await readFile(this.#input(kind, 'before')),
        after: await readFile(this.#input(kind, 'after')),
        rows: await Promise.all(kind.pictures.map((name) => this.#row(kind, name))),
      })),
    );
  }

  #row(kind: Kind, name: string): Promise<Row> {
    return readRow({
      name,
      input: this.#input(kind, name),
      strengths: STRENGTHS,
      output: (strength) => `${this.#folder(kind, strength)}/${name}.png`,
      drawn: `${this.#data}/${kind.name}/drawn/${name}.${kind.type}`,
    });
  }

  #input({ name, type }: Kind, picture: string): string {
    return `${this.#data}/${name}/${picture}.${type}`;
  }

  #folder({ name }: Kind, strength: number): string {
    return `${this.#out}/${name}/strength-${strength}`;
  }
}
