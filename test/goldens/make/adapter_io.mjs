/**
 * Lets Python scripts write and read adapters with the engine itself.
 *   node adapter_io.mjs write PLAIN OUT peft|kohya F32|F16     node adapter_io.mjs read FILE PLAIN
 * A PLAIN file holds <site>|a, <site>|b and <site>|alpha for every site.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const bundle = await build({
  stdin: {
    contents: `export * from './engine/lora/adapter-file'; export * from './engine/weights/safetensors'; export * from './engine/weights/source';`,
    resolveDir: fileURLToPath(new URL('../../..', import.meta.url)),
  },
  bundle: true,
  format: 'esm',
  write: false,
});
const engine = await import(
  `data:text/javascript;base64,${Buffer.from(bundle.outputFiles[0].contents).toString('base64')}`
);

const [mode, input, output, keys, dtype] = process.argv.slice(2);
const source = engine.bytesSource(input, await readFile(input));
if (mode === 'write') {
  const file = await engine.openSafetensors(source);
  const sites = new Map();
  for (const entry of file.tensors.values()) {
    if (!entry.name.endsWith('|a')) continue;
    const site = entry.name.slice(0, -2);
    const [rank, inFeatures] = entry.shape;
    const [outFeatures] = file.tensors.get(`${site}|b`).shape;
    const [alpha] = await engine.readFloats(file, `${site}|alpha`);
    const a = await engine.readFloats(file, `${site}|a`);
    const b = await engine.readFloats(file, `${site}|b`);
    sites.set(site, { rank, alpha, a, b, inFeatures, outFeatures });
  }
  const info = {
    style: 'test',
    prompt: 'a',
    stylePrompt: 'a in test style',
    mode: 'pair',
    modelFingerprint: '0',
    baseModel: 'tiny',
  };
  await writeFile(
    output,
    engine.writeAdapter(
      sites,
      { ...info, baseModelVersion: 'sd_v1', seed: 1, steps: 1, learningRate: 1 },
      { keys, dtype },
    ),
  );
} else {
  const { sites, ignored } = await engine.readAdapter(source);
  const tensors = [...sites].flatMap(([site, { rank, alpha, a, b, inFeatures, outFeatures }]) => [
    { name: `${site}|a`, dtype: 'F32', shape: [rank, inFeatures], data: a },
    { name: `${site}|b`, dtype: 'F32', shape: [outFeatures, rank], data: b },
    { name: `${site}|alpha`, dtype: 'F32', shape: [], data: Float32Array.of(alpha) },
  ]);
  await writeFile(output, engine.writeSafetensors(tensors, { ignored: JSON.stringify(ignored) }));
}
