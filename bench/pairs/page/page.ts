/** docs/pairbench.md: tables, curves and pictures from the results of one run. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prepareFolder, writeWhole } from '../../../cli/outputs/output';
import { loadImage } from '../../../cli/inputs/images';
import { InputError } from '../../../engine/errors';
import type { Image } from '../../../engine/image/image';
import { METRICS_VERSION } from '../metrics/metrics';
import { placeRun } from '../run/placed';
import { FAMILIES, isFamily, type FamilyName } from '../run/rows';
import { Store } from '../run/store';
import { bestRows, comparable, groupBy, summarise, type Placed, type RowSummary } from '../run/summary';
import { taskNames, readTask } from '../suite/task-file';
import { drawCurves, type Curve } from './curve';
import { drawSheet } from './sheet';
import { NOTES_END, NOTES_START, pageText, type Section } from './text';

export interface PageOptions {
  readonly suite: string;
  /** Folder of one run, with run.json. */
  readonly results: string;
  /** Where pairbench.md and pairbench/ go. */
  readonly output: string;
  readonly report: (line: string) => void;
}

/** Tasks on which each family's strength is chosen, and which its sections show in this order. */
const MAIN_KINDS = ['designers', 'families', 'filters'];
const KINDS = [...MAIN_KINDS, 'photographs', 'robust', 'broken', 'other'];
/** Lines of a sheet: one for each task, or more where there are few tasks. */
const SHEET_LINES = 6;

/**
 * Writes the page and its pictures; the same results give the same files. What was written by hand between the page's
 * two marks stays.
 *
 * @throws InputError when the folder holds no results of the suite's tasks as they stand.
 */
export async function writePage({ suite, results, output, report }: PageOptions): Promise<void> {
  const store = await Store.open(results);
  const info = await store.info();
  if (!info) throw new InputError(`--results ${results}: holds no run.json; give the folder that a run named`);
  const placed = await placeRun(suite, await taskNames(suite), store);
  // Rows of an earlier or later version of the benchmark have no title here.
  const current = placed.results
    .filter(({ version, row }) => version === METRICS_VERSION && isFamily(row.split('@')[0]!))
    .map((result) => ({ ...result, kind: KINDS.includes(result.kind) ? result.kind : 'other' }));
  if (current.length === 0) {
    throw new InputError(`--results ${results}: holds no results of the tasks in ${suite}; run the benchmark first`);
  }
  const folder = join(output, 'pairbench');
  await prepareFolder(folder);

  const best = bestRows(current, MAIN_KINDS);
  const sections: Section[] = [];
  for (const kind of KINDS) {
    const measured = current.filter((result) => result.kind === kind);
    if (measured.length === 0) continue;
    const ofKind = [...groupBy(measured, ({ split }) => split).values()].flatMap(comparable);
    const summaries = summarise(kind === 'broken' ? ofKind.map((one) => ({ ...one, kind: one.task })) : ofKind);
    const shown = summaries.filter(({ split }) => split === 'report');
    const sheet = await drawKind(suite, store, ofKind, best);
    const curves = kind === 'broken' ? [] : curvesOf(shown);
    if (sheet) await writeWhole(join(folder, `${kind}.png`), sheet, { overwrite: true });
    if (curves.length > 0)
      await writeWhole(join(folder, `${kind}.svg`), Buffer.from(drawCurves(curves)), { overwrite: true });
    sections.push({
      kind,
      best,
      report: shown,
      all: summaries,
      pictures: sheet !== undefined,
      curve: curves.length > 0,
    });
    report(`${kind}: ${ofKind.length} results\n`);
  }
  const page = join(output, 'pairbench.md');
  const notes = notesIn(await readFile(page, 'utf8').catch(() => ''));
  await writeWhole(page, Buffer.from(pageText(info, sections, placed.refusals, notes)), { overwrite: true });
  report(`${page}\n`);
}

/** What lies between the two marks. */
function notesIn(page: string): string {
  const [start, end] = [page.indexOf(NOTES_START), page.indexOf(NOTES_END)];
  return start < 0 || end < 0 ? '' : page.slice(start + NOTES_START.length, end).trim();
}

/** Families with more than one strength, and the input as a point. */
function curvesOf(summaries: readonly RowSummary[]): Curve[] {
  const families = groupBy(summaries, ({ family }) => family);
  return [...families].flatMap(([family, rows]) => {
    const points = [...rows]
      .sort((a, b) => (a.strength ?? 0) - (b.strength ?? 0))
      .flatMap(({ strength, metrics }) =>
        metrics.ownStructure && metrics.perceptual
          ? [
              {
                structure: metrics.ownStructure.mean,
                distance: metrics.perceptual.mean,
                label: strength === null ? '' : String(strength),
              },
            ]
          : [],
      );
    return [{ title: FAMILIES[family as FamilyName].title, points }];
  });
}

/** Pairs, inputs, what rows made of them, and truths, of some report tasks; undefined when there are none. */
async function drawKind(
  suite: string,
  store: Store,
  results: readonly Placed[],
  best: ReadonlyMap<FamilyName, string>,
): Promise<Uint8Array | undefined> {
  const reported = results.filter(({ split }) => split === 'report');
  const present = new Set(reported.map(({ row }) => row));
  const wanted = ['diptych@0.5', 'diptych@1', ...[...best.values()].filter((row) => !/^(nothing|diptych)/.test(row))];
  const rows = wanted.filter((row) => present.has(row));
  const tasks = [...groupBy(reported, ({ task }) => task)].slice(0, SHEET_LINES);
  if (tasks.length === 0) return undefined;
  const lines: (Image | undefined)[][] = [];
  const perTask = Math.floor(SHEET_LINES / tasks.length);
  for (const [t, [name, members]] of tasks.entries()) {
    const { before, after } = await readTask(suite, name);
    const images = [...groupBy(members, ({ image }) => image)];
    for (let k = 0; k < Math.min(perTask, images.length); k++) {
      // Tasks often share their test pictures: each task shows others.
      const [image, ofImage] = images[(t * perTask + k) % images.length]!;
      // A test picture may have left the suite since the run.
      const part = (which: string): Promise<Image | undefined> =>
        loadImage(join(suite, name, which, `${image}.png`)).catch(() => undefined);
      const made = rows.map(async (row) => {
        const result = ofImage.find((one) => one.row === row);
        return result && (await loadImage(store.picturePath(result)).catch(() => undefined));
      });
      lines.push([before, after, await part('test'), ...(await Promise.all(made)), await part('truth')]);
    }
  }
  return drawSheet({ columns: ['before', 'after', 'input', ...rows.map(columnTitle), 'truth'], rows: lines });
}

function columnTitle(row: string): string {
  const [family, strength] = row.split('@') as [FamilyName, string | undefined];
  return `${FAMILIES[family].short}${strength === undefined ? '' : `|${strength}`}`;
}
