/** A picture of the demo's report, read from the files that its commands left. */
import { readFile } from 'node:fs/promises';
import { loadImage } from '../inputs/images';
import type { Row } from './report';

export interface RowFiles {
  readonly name: string;
  readonly input: string;
  readonly strengths: readonly number[];
  readonly output: (strength: number) => string;
  readonly drawn: string;
}

/** @param files of a picture that was restyled at strength 0, too. */
export async function readRow({ name, input, strengths, output, drawn }: RowFiles): Promise<Row> {
  const [original, zero] = [await loadImage(input), await loadImage(output(0))];
  return {
    name,
    original: await readFile(input),
    restyled: await Promise.all(
      strengths.map(async (strength) => ({ strength, picture: await readFile(output(strength)) })),
    ),
    zeroIsIdentical: Buffer.from(original.data).equals(Buffer.from(zero.data)),
    drawn: await readFile(drawn),
  };
}
