/** The demo's report: one HTML page that needs nothing beside it. */
import type { LossPoint } from '../../engine/requests';
import { duration } from '../terminal/progress';
import { escapeHtml, lineChart } from './chart';
import { STYLE_SHEET } from './style-sheet';

export interface Step {
  readonly title: string;
  /** The command that repeats it, as it would be typed. */
  readonly command: string;
  readonly seconds: number;
}

export interface Restyled {
  readonly strength: number;
  /** Bytes of a PNG or JPEG file, as all pictures here. */
  readonly picture: Uint8Array;
}

export interface Row {
  readonly name: string;
  readonly original: Uint8Array;
  readonly restyled: readonly Restyled[];
  /** Whether strength 0 gave back every byte of the pixels. */
  readonly zeroIsIdentical: boolean;
  /** The icon set's own drawing in the style, which nothing here has seen. */
  readonly drawn: Uint8Array;
}

/** What a pair shows at once, with nothing learned. */
export interface Showing {
  readonly title: string;
  readonly about: string;
  /** How the true results, `drawn`, came about. */
  readonly truth: string;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  readonly rows: readonly Row[];
}

export interface Report {
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  readonly verdict: string;
  readonly edgeAgreement: number;
  readonly prompt: string;
  readonly style: string;
  readonly rows: readonly Row[];
  readonly atOnce: readonly Showing[];
  readonly losses: readonly LossPoint[];
  readonly steps: readonly Step[];
  /** Label and value. */
  readonly machine: readonly (readonly [string, string])[];
  readonly seconds: number;
  readonly date: string;
}

export function renderReport(report: Report): string {
  const learned = report.losses.length;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Diptych: a style from one pair</title>
<style>${STYLE_SHEET}</style>
</head>
<body>
<main>
<header>
<p class="kicker">Diptych demo</p>
<h1>One pair in, a style out</h1>
<p class="lead">From the two pictures below, Diptych learned a style in ${learned} steps and drew
${report.rows.length} other pictures in it, none of which it had seen. The whole run took
${duration(report.seconds)} on this machine; nothing left it.</p>
</header>

<section>
<h2>The pair</h2>
<div class="pair">
${picture(report.before, 'Before')}
<span class="arrow" aria-hidden="true">→</span>
${picture(report.after, 'After')}
</div>
<p class="note">${escapeHtml(report.verdict)} Edge agreement ${report.edgeAgreement.toFixed(2)} of 1.
Learned with the prompt “${escapeHtml(report.prompt)}” as “${escapeHtml(report.style)}”.</p>
</section>

<section>
<h2>Restyled</h2>
<p class="note">Strength 0 is the original, 1 the style as learned. The last picture of each row is what the icon set’s
own designers drew; it is there to compare with and was never used.</p>
${report.rows.map((row) => renderRow(row)).join('\n')}
</section>

${report.atOnce.length > 0 ? renderAtOnce(report.atOnce) : ''}

<section>
<h2>Learning</h2>
<p class="note">Mean squared error of the net’s prediction. Every step draws its own noise and timestep, hence the
scatter; the bold lines are running means. The content adapter learns first alone, then both learn together.</p>
<div class="panel">${lossChart(report.losses)}</div>
</section>

<section>
<h2>Steps</h2>
<p class="note">The demo ran these commands, one after the other in one process. Any of them can be repeated in the
folder of the checkout.</p>
<ol class="steps">
${report.steps.map(renderStep).join('\n')}
</ol>
</section>

<section>
<h2>Machine</h2>
<dl class="facts">
${report.machine.map(([label, value]) => `<dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}</dd>`).join('\n')}
</dl>
</section>

<footer><p>${escapeHtml(report.date)}. Icons: Fluent Emoji by Microsoft, MIT licence; IconPark by ByteDance, Apache 2.0.
Photographs: NASA, SpaceX, Rachel Michetti and Stefan van der Walt, without restrictions.</p></footer>
</main>
</body>
</html>
`;
}

function renderAtOnce(showings: readonly Showing[]): string {
  return `<section>
<h2>At once</h2>
<p class="note">Nothing is learned here: a second, small model is given a pair and does to other pictures what was done to
the first, in less than a second each. The panel shows this as soon as two frames are chosen.</p>
${showings
  .map(
    ({ title, about, truth, before, after, rows }) => `<h3 class="kind">${escapeHtml(title)}</h3>
<p class="note">${escapeHtml(about)}</p>
<div class="pair small">
${picture(before, 'Before')}
<span class="arrow" aria-hidden="true">→</span>
${picture(after, 'After')}
</div>
${rows.map((row) => renderRow(row, truth)).join('\n')}`,
  )
  .join('\n')}
</section>`;
}

function renderRow({ name, original, restyled, zeroIsIdentical, drawn }: Row, truth = 'Drawn by hand'): string {
  const cells = restyled.map(({ strength, picture: bytes }) => {
    if (strength !== 0) return picture(bytes, `Strength ${strength}`);
    return picture(
      bytes,
      'Strength 0',
      zeroIsIdentical ? 'every byte equal' : 'differs from the original',
      zeroIsIdentical,
    );
  });
  const label = name.replaceAll('-', ' ');
  return `<article class="row" aria-label="${escapeHtml(label)}">
<h3>${escapeHtml(label)}</h3>
<div class="pictures">
${[picture(original, 'Original'), ...cells, picture(drawn, truth)].join('\n')}
</div>
</article>`;
}

/** @param good whether the note is good news; undefined where it is neither. */
function picture(bytes: Uint8Array, caption: string, note = '', good = true): string {
  const type = bytes[0] === 0xff ? 'jpeg' : 'png';
  const source = `data:image/${type};base64,${Buffer.from(bytes).toString('base64')}`;
  const mark = note ? `<small class="${good ? 'good' : 'bad'}">${escapeHtml(note)}</small>` : '';
  return `<figure><img src="${source}" alt="${escapeHtml(caption)}" width="256" height="256"><figcaption>${escapeHtml(caption)}${mark}</figcaption></figure>`;
}

function lossChart(losses: readonly LossPoint[]): string {
  const of = (term: 'content' | 'style') =>
    losses.flatMap((point) => {
      const y = point[term];
      return y === null ? [] : [{ x: point.step, y }];
    });
  return lineChart(
    [
      { name: 'content loss', colour: 'var(--content)', points: of('content') },
      { name: 'style loss', colour: 'var(--accent)', points: of('style') },
    ],
    { title: 'Content and style loss over the training steps', x: 'step', y: 'loss' },
  );
}

function renderStep({ title, command, seconds }: Step): string {
  return `<li><div class="step"><span>${escapeHtml(title)}</span><span class="time">${duration(seconds)}</span></div>
<pre><code>${escapeHtml(command)}</code></pre></li>`;
}
