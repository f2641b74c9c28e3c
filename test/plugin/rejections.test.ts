/** Nothing the plugin does ends in a promise nobody waits for. QuickJS does not tell of those, so this runs in Node. */
import { spawnSync } from 'node:child_process';
import { manifest, pluginCode, worldScript } from './support/sandbox';
import type { World } from './support/world';

/** Everything that fails, at every time it can. */
async function failEverything(world: World): Promise<string> {
  const source = world.add('RECTANGLE');
  const [picture, parameters] = [world.png(8, 8), world.parameters()];
  const update = { styled: picture, parameters, final: true };
  await world.open();
  await world.refusal('exportNode', { id: '9:99', size: 96 });
  await world.refusal('insertResult', { sourceId: '9:99', original: picture, styled: picture, parameters });
  await world.refusal('insertImagined', { picture: new Uint8Array(3), width: 5, height: 5, parameters });
  await world.refusal('openResult', { id: source });
  await world.refusal('updateResult', { id: source, ...update });
  await world.refusal('reveal', { ids: ['9:99'] });
  await world.refusal('readStyle', { id: 'none' });
  await world.refusal('renameStyle', { id: 'none', name: 'x' });
  await world.refusal('putStyle', { ...world.style('a', 6_000_000), place: 'library' });
  await world.refusal('putStyle', { ...world.style('a', 9_000_000), place: 'document' });
  await world.refusal('putDraft', { draft: world.draft(6_000_000) });
  world.send({ type: 'request', id: 700, call: 'explode' });
  world.send('nonsense');
  await world.settle();
  // Requests on their way while the panel is replaced, the page changes, the layer goes and the plugin ends.
  const { id } = await world.call('insertResult', { sourceId: source, original: picture, styled: picture, parameters });
  world.send({ type: 'request', id: 701, call: 'switchPanel', params: { panel: 'hosted' } });
  world.windows[0]!.receive({ pluginMessage: { type: 'request', id: 702, call: 'listStyles', params: {} } }, 'null');
  await world.advance(20_000);
  for (const call of ['openResult', 'updateResult', 'exportNode', 'listStyles', 'hello'] as const) {
    world.send({ type: 'request', id: 703, call, params: { id, ...update, size: 96, panel: 'embedded' } });
  }
  world.editor.showPage(world.otherPage);
  world.file.scene.remove(id);
  world.plugin.close();
  await world.settle();
  world.editor.storage.getAsync = () => Promise.reject(new Error('storage is disabled'));
  await world.start();
  world.load('restyle', true);
  await world.ask('style', '');
  return `${world.windows.length} windows`;
}

test('no promise is left to reject unheard', () => {
  const script = `${worldScript};
    const world = new World(${JSON.stringify(manifest)}, ${JSON.stringify(pluginCode)});
    (${failEverything.toString()})(world).then((end) => setTimeout(() => console.log(end), 50));`;
  const node = spawnSync(process.execPath, ['--unhandled-rejections=strict', '-'], { input: script, encoding: 'utf8' });
  expect(node.stderr).toBe('');
  expect(node.stdout).toBe('3 windows\n');
});
