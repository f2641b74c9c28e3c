/** The committed golden cases of kind `scheduler`. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runSchedulerCase } from '../goldens/run-scheduler';

const root = join(__dirname, '../goldens/cases/scheduler');
const cases = existsSync(root) ? readdirSync(root) : [];

test('there are cases', () => expect(cases.length).toBeGreaterThan(10));

test.each(cases)('%s', async (name) => {
  const dir = join(root, name);
  const { tolerance } = JSON.parse(readFileSync(join(dir, 'case.json'), 'utf8')) as { tolerance: number };
  const errors = await runSchedulerCase(dir);
  expect(errors.length).toBeGreaterThan(0);
  // Coefficients in double precision are far closer than a case asks, but for what float32 itself costs diffusers.
  expect(errors.filter(({ error }) => !(error < tolerance / 10))).toEqual([]);
});
