/** `npm run golden -- DIR...`: every case under the folders, the largest error of every tensor, exit 1 past a tolerance. */
import { findCases, runCase } from './run';

async function main(dirs: readonly string[]): Promise<number> {
  const cases = (await Promise.all(dirs.map(findCases))).flat();
  if (cases.length === 0) {
    console.error('no case.json found; give the folder of one or more golden cases (docs/golden.md)');
    return 2;
  }
  let failed = 0;
  for (const dir of cases) {
    try {
      const { kind, tolerance, errors, passed } = await runCase(dir);
      if (!passed) failed++;
      console.log(`${passed ? 'ok  ' : 'FAIL'} ${dir} (${kind}, tolerance ${tolerance})`);
      for (const { tensor, error } of errors) console.log(`     ${error.toExponential(2)}  ${tensor}`);
    } catch (error) {
      failed++;
      console.log(`FAIL ${dir}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  console.log(`${cases.length - failed} of ${cases.length} cases within tolerance`);
  return failed === 0 ? 0 : 1;
}

main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 2;
  },
);
