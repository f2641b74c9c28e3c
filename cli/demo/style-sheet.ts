/** The look of the demo's report: light and dark, from a phone to a wide screen. */

export const STYLE_SHEET = `
:root {
  --background: #fbfaf8; --panel: #ffffff; --ink: #1c1b1a; --soft: #6d6963; --line: #e6e2dc;
  --accent: #c2410c; --content: #2f6f9f; --good: #2e7d4f; --bad: #b3261e;
  --check-a: #ffffff; --check-b: #eeece8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --background: #161514; --panel: #1f1e1c; --ink: #eeebe6; --soft: #a19b92; --line: #34312d;
    --accent: #fb923c; --content: #7cb7e0; --good: #7bc796; --bad: #f28b82;
    /* Stays light: the pictures were drawn for paper, and black ink must show. */
    --check-a: #e9e6e1; --check-b: #dad6cf;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--background); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
main { max-width: 1200px; margin: 0 auto; padding: 72px 32px 48px; }
section { margin-top: 80px; }
h1 { font-size: clamp(2rem, 5vw, 3.25rem); line-height: 1.1; letter-spacing: -0.02em; margin: 0 0 20px; font-weight: 650; }
h2 { font-size: 1.5rem; letter-spacing: -0.01em; margin: 0 0 12px; font-weight: 620; }
h3 { font-size: 1rem; font-weight: 600; margin: 0 0 12px; text-transform: capitalize; }
.kind { font-size: 1.2rem; margin-top: 56px; text-transform: none; }
p { margin: 0; }
.kicker { color: var(--accent); font-weight: 600; margin-bottom: 12px; }
.lead { font-size: 1.2rem; max-width: 44em; color: var(--soft); }
.note { color: var(--soft); max-width: 46em; margin-bottom: 28px; }
figure { margin: 0; min-width: 0; }
img {
  display: block; width: 100%; height: auto; border-radius: 12px; border: 1px solid var(--line);
  background: repeating-conic-gradient(var(--check-b) 0 25%, var(--check-a) 0 50%) 0 0 / 20px 20px;
}
figcaption { margin-top: 8px; font-size: 0.875rem; color: var(--soft); line-height: 1.35; }
figcaption small { display: block; font-size: 0.8rem; }
.good { color: var(--good); }
.bad { color: var(--bad); font-weight: 600; }
.pair { display: flex; align-items: center; gap: 24px; max-width: 720px; margin-bottom: 20px; }
.pair figure { flex: 1; }
.pair.small { max-width: 420px; }
.arrow { font-size: 2rem; color: var(--soft); padding-bottom: 28px; }
.row { padding: 24px 0; border-top: 1px solid var(--line); }
.pictures { display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 16px; }
.panel { background: var(--panel); border: 1px solid var(--line); border-radius: 16px; padding: 24px; }
.chart { display: block; width: 100%; height: auto; max-height: 460px; color: var(--soft); }
.chart text { fill: currentColor; font-size: 12px; font-family: inherit; }
.chart path { fill: none; }
.chart .grid { stroke: var(--line); }
.chart .axis { stroke: currentColor; }
.chart .noise { stroke-width: 1; opacity: 0.22; }
.chart .mean { stroke-width: 2.5; stroke-linejoin: round; }
.steps { list-style: none; margin: 0; padding: 0; display: grid; gap: 20px; }
.step { display: flex; justify-content: space-between; gap: 16px; margin-bottom: 6px; }
.time { color: var(--soft); font-variant-numeric: tabular-nums; white-space: nowrap; }
pre {
  margin: 0; padding: 14px 16px; background: var(--panel); border: 1px solid var(--line); border-radius: 10px;
  white-space: pre-wrap; overflow-wrap: anywhere;
}
code { font: 0.85rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 8px 32px; margin: 0; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
footer { margin-top: 96px; color: var(--soft); font-size: 0.875rem; }
@media (max-width: 720px) {
  main { padding: 40px 20px 32px; }
  section { margin-top: 56px; }
  .pictures { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px 12px; }
  .pair { gap: 12px; }
  .arrow { font-size: 1.5rem; }
  .panel { padding: 12px 8px; }
  /* Drawn at half size on a phone, so the letters are doubled. */
  .chart text { font-size: 20px; }
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd { margin-bottom: 12px; }
}
`;
