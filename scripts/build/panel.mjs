/** What both builds of the panel are made of. */
import { keepBudget } from './budgets.mjs';
import { bundle, SHIPPED } from './bundle.mjs';

/**
 * The scripts of one build, 'hosted' or 'embedded': the panel with its style sheet, and the workers by the names that
 * ui/assets-*.ts ask for.
 */
export async function panelScripts(kind) {
  const [panel, engine, pictures] = await Promise.all([
    bundle(`ui/${kind}.ts`, SHIPPED),
    bundle(kind === 'hosted' ? 'engine/worker/hosted.ts' : 'engine/worker/embedded.ts', SHIPPED),
    bundle('ui/engine/pictures-worker.ts', SHIPPED),
  ]);
  keepBudget('panel.js', panel.js);
  keepBudget('panel.css', panel.css);
  keepBudget(`engine worker (${kind})`, engine.js);
  keepBudget('picture worker', pictures.js);
  return { panel, workers: { 'engine-worker.js': engine.js, 'pictures-worker.js': pictures.js } };
}

/** A page of the panel. `head` and `body` are markup. */
export function page(head, body) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Diptych</title>
<meta name="viewport" content="width=device-width">
${head}
</head>
<body>
<div id="panel"></div>
${body}
</body>
</html>
`;
}
