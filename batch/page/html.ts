/** The page's frame; client.ts fills it. */

/** Before and after. */
export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">
<rect x="1" y="3" width="6" height="10" rx="1.5" fill="#8a93a3"/><rect x="9" y="3" width="6" height="10" rx="1.5" fill="#1a7f5a"/>
</svg>
`;

export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Batches - Diptych</title>
<link rel="icon" href="/icon.svg">
<style>
:root { color-scheme: light dark; --line: color-mix(in srgb, CanvasText 15%, Canvas); --soft: color-mix(in srgb, CanvasText 5%, Canvas);
  --dim: color-mix(in srgb, CanvasText 62%, Canvas); --done: #1a7f5a; --running: #2f6fde; --failed: #c9372c; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1200px; padding: 24px; font: 14px/1.45 system-ui, sans-serif; }
h1 { font-size: 20px; margin: 0 0 16px; }
h2 { font-size: 16px; margin: 0; overflow-wrap: anywhere; }
h3 { font-size: 14px; margin: 20px 0 8px; }
button { font: inherit; padding: 4px 12px; border: 1px solid var(--line); border-radius: 6px; background: var(--soft); color: CanvasText; white-space: nowrap; flex: none; cursor: pointer; }
button:focus-visible { outline: 2px solid var(--running); outline-offset: 1px; }
.batch { border: 1px solid var(--line); border-radius: 10px; padding: 16px; margin-bottom: 20px; }
.head { display: flex; gap: 12px; align-items: baseline; justify-content: space-between; }
.state { padding: 1px 10px; border-radius: 10px; background: var(--soft); white-space: nowrap; }
.state.running { background: var(--running); color: #fff; }
.state.done { background: var(--done); color: #fff; }
.state.failed { background: var(--failed); color: #fff; }
.bar { display: flex; height: 10px; margin: 12px 0 8px; border-radius: 5px; overflow: hidden; background: var(--line); }
.bar i { display: block; transition: width .3s; }
.bar .done { background: var(--done); } .bar .failed { background: var(--failed); } .bar .running { background: var(--running); }
.numbers { display: flex; flex-wrap: wrap; gap: 4px 20px; color: var(--dim); font-variant-numeric: tabular-nums; }
.numbers b { color: CanvasText; font-weight: 600; }
.where { color: var(--dim); margin-top: 4px; overflow-wrap: anywhere; }
ul { list-style: none; margin: 0; padding: 0; max-height: 220px; overflow: auto; border: 1px solid var(--line); border-radius: 6px; }
li { display: flex; gap: 12px; justify-content: space-between; align-items: center; padding: 6px 10px; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
li:last-child { border: 0; }
.title { display: flex; justify-content: space-between; align-items: center; }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); gap: 12px; }
figure { margin: 0; }
.pair { display: flex; gap: 2px; border-radius: 6px; overflow: hidden; border: 1px solid var(--line);
  background: repeating-conic-gradient(#fff 0 25%, #ececec 0 50%) 0 0 / 16px 16px; }
.pair img { flex: 1; min-width: 0; width: 100%; aspect-ratio: 1; object-fit: contain; }
figcaption { color: var(--dim); font-size: 12px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.empty, #trouble { color: var(--dim); }
#trouble:not(:empty) { color: var(--failed); margin-bottom: 12px; }
</style>
</head>
<body>
<h1>Batches</h1>
<div id="trouble" role="status"></div>
<main id="batches"><p class="empty">Looking …</p></main>
<script src="/page.js"></script>
</body>
</html>
`;
