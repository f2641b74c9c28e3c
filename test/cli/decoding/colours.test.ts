/**
 * Pictures of every format, depth, colour type, profile and kind of transparency against colours that no picture library
 * computed (test/fixtures/pictures): right, or refused.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadImage } from '../../../cli/inputs/images';

interface Expected {
  readonly width: number;
  readonly height: number;
  readonly tolerance: number;
  readonly rgba: string;
}

const FOLDER = process.env['DIPTYCH_PICTURES'] ?? join(__dirname, '../../fixtures/pictures');
const expected = JSON.parse(readFileSync(join(FOLDER, 'expected.json'), 'utf8')) as Record<
  string,
  Expected | 'refused'
>;

test.each(Object.entries(expected))('%s', async (name, wanted) => {
  const loading = loadImage(join(FOLDER, name));
  if (wanted === 'refused') {
    await expect(loading).rejects.toThrow(/: (has|is) [^\n]+; (save|export) it as [^\n]+$/);
    return;
  }
  const picture = await loading;
  expect([picture.width, picture.height]).toEqual([wanted.width, wanted.height]);
  const colours = Buffer.from(wanted.rgba, 'base64');
  expect(picture.data.length).toBe(colours.length);
  let worst = 0;
  for (let i = 0; i < colours.length; i++) {
    // Nobody sees a colour under alpha 0.
    if (i % 4 < 3 && colours[i | 3] === 0) continue;
    worst = Math.max(worst, Math.abs(picture.data[i]! - colours[i]!));
  }
  expect(worst).toBeLessThanOrEqual(wanted.tolerance);
});
