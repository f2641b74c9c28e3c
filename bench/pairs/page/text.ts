/** The words and tables of docs/pairbench.md. */
import { printable } from '../../../common/printable';
import { FAMILIES, type FamilyName } from '../run/rows';
import type { Refusal, RunInfo } from '../run/store';
import { groupBy, type RowSummary } from '../run/summary';
import { markdownTable } from '../run/table';

export const NOTES_START = '<!-- Written by hand; kept when the page is made again. -->';
export const NOTES_END = '<!-- End of what is written by hand. -->';

export interface Section {
  readonly kind: string;
  /** Row of each family that did best on tune tasks. */
  readonly best: ReadonlyMap<FamilyName, string>;
  /** Of the report tasks, and of all. */
  readonly report: readonly RowSummary[];
  readonly all: readonly RowSummary[];
  readonly pictures: boolean;
  readonly curve: boolean;
}

const TITLES: Readonly<Record<string, string>> = {
  designers: "Designers' truth",
  families: 'Icon families',
  filters: 'Exact filters',
  photographs: 'Photographs',
  robust: 'One style over many contents',
  broken: 'Broken pairs',
  other: 'Other tasks',
};

const ABOUT: Readonly<Record<string, string>> = {
  designers:
    'Flat emoji to the same emoji with gradients and in one colour, drawn by the same designers on the same outlines; several pairs a style.',
  families: 'One drawing in several weights or fills, by its own designers: icon-park, ph, solar.',
  filters: 'Styles that are computed, so that the truth is exact on any content.',
  photographs:
    'Computed styles of photographs: grades, and two that draw lines. The styles are learned from one photograph and applied to others.',
  robust: 'A filter learned from one emoji, applied to pictures of five sets by other hands.',
  broken:
    'One pair, flat to high contrast, broken in several ways. The pair check refuses what cannot serve, and learning then does not begin.',
  other: 'Tasks whose task.json names no kind, or one of its own.',
};

export function pageText(
  info: RunInfo,
  sections: readonly Section[],
  refusals: readonly Refusal[],
  notes: string,
): string {
  return [
    '# The pair benchmark',
    '',
    'Learn a style from one pair, restyle pictures the program has never seen, and compare with what the style truly makes of them. [pairbench-method.md](pairbench-method.md) says what the tasks, the rows and the metrics are, and what the metrics cannot see.',
    '',
    `**${plain(info.model)}**; ${plain(info.settings)}. Computed on ${plain(info.device)}. Made by \`npm run pairbench -- page\`.`,
    '',
    NOTES_START,
    ...(notes ? [notes] : []),
    NOTES_END,
    '',
    ...sections.flatMap(sectionText),
    ...refusedText(refusals),
  ].join('\n');
}

function sectionText(section: Section): string[] {
  const { kind, pictures } = section;
  return [
    `## ${TITLES[kind] ?? kind}`,
    '',
    ABOUT[kind] ?? '',
    '',
    ...(pictures ? [`![${TITLES[kind] ?? kind}: pictures](pairbench/${kind}.png)`, ''] : []),
    ...(kind === 'broken' ? brokenText(section) : measuredText(section)),
  ];
}

function measuredText({ kind, report, all, best, curve }: Section): string[] {
  const chosen = report.filter((row) => row.row === 'diptych@1' || best.get(row.family) === row.row);
  return [
    ...(chosen.length > 0
      ? [
          `Report tasks; the strength of each row is the one that did best on tune tasks. ${counts(chosen)}`,
          '',
          ...markdownTable(chosen, titleOf),
          '',
        ]
      : []),
    ...(curve ? [`![Structure against style](pairbench/${kind}.svg)`, ''] : []),
    '<details><summary>Every row, tune and report tasks</summary>',
    '',
    ...[...groupBy(all, ({ split }) => split)].flatMap(([split, rows]) => [
      `${split} tasks. ${counts(rows)}`,
      '',
      ...markdownTable(rows, titleOf),
      '',
    ]),
    '</details>',
    '',
  ];
}

function counts(rows: readonly RowSummary[]): string {
  const [tasks, images] = [rows.map((row) => row.tasks), rows.map((row) => row.images)];
  return `${range(tasks)} tasks, ${range(images)} pictures.`;
}

/** Rows of a run under way may differ in what is done. */
function range(values: readonly number[]): string {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low === high ? String(low) : `${low} to ${high}`;
}

function titleOf({ family, strength }: RowSummary): string {
  return `${FAMILIES[family].title}${strength === null ? '' : `, ${strength}`}`;
}

/** Task by task: the mean over the kind would hide what broke. */
function brokenText({ all }: Section): string[] {
  // All broken tasks have the same test pictures, so that one row says what doing nothing comes to.
  const nothing = all.find(({ row }) => row === 'nothing');
  const rows = all.filter((row) => row.row !== 'nothing' || row === nothing);
  return [
    ...markdownTable(rows, (row) => (row === nothing ? titleOf(row) : `${plain(row.kind)}: ${titleOf(row)}`)),
    '',
  ];
}

function refusedText(refusals: readonly Refusal[]): string[] {
  if (refusals.length === 0) return [];
  return [
    '## Pairs that were refused',
    '',
    ...refusals.map(({ task, row, refused }) => `- ${plain(task)}${row ? `, ${plain(row)}` : ''}: ${plain(refused)}`),
    '',
  ];
}

/** Names and messages in Markdown, as they are read: neither markup nor another cell, line or direction of writing. */
export function plain(text: string): string {
  return printable(text).replace(/[\\`*_{}[\]<>()#|!~&]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
