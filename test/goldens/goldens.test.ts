/** Every committed golden case against PyTorch + diffusers. */
import { readdirSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { runCase } from './run';

const ROOT = join(__dirname, 'cases');

function casesUnder(dir: string): string[] {
  if (existsSync(join(dir, 'case.json'))) return [dir];
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => casesUnder(join(dir, entry.name)));
}

test.each(casesUnder(ROOT).map((dir) => dir.slice(ROOT.length + 1)))('%s agrees with the reference', async (name) => {
  const { errors, tolerance } = await runCase(join(ROOT, name));
  expect(errors.length).toBeGreaterThan(0);
  for (const { tensor, error } of errors)
    expect({ tensor, within: error <= tolerance, error }).toMatchObject({ tensor, within: true });
});
