import { SandboxError } from '../../ui/bridge';
import { fileNameOf } from '../../ui/state/library';
import { styleIdOf } from '../../ui/state/ids';
import { openDesk, until, type Desk } from './desk';

const libraryDesk = (prepare?: (sandbox: Desk['sandbox']) => void): Promise<Desk> =>
  openDesk({
    prepare: ({ sandbox }) => {
      sandbox.addStyle('ink', 'Ink');
      sandbox.addStyle('neon', 'Neon', 'document');
      prepare?.(sandbox);
    },
  });

/** A style of the document under its true id, the hash of its file; returns the id. */
function shareNeon(sandbox: Desk['sandbox']): string {
  const { listed, file } = sandbox.styles.get('neon')!;
  const id = styleIdOf(file);
  sandbox.styles.delete('neon');
  sandbox.styles.set(id, { listed: { ...listed, id }, file });
  return id;
}

const names = ({ app }: Desk): string[] => app.library.styles.value.map(({ name }) => name);
const notices = ({ app }: Desk): string[] => app.services.notices.list.value.map(({ text }) => text);

test('a free name for a style', async () => {
  const desk = await libraryDesk((sandbox) => sandbox.addStyle('x', 'Style 1'));
  expect(desk.app.library.freeName()).toBe('Style 2');
});

test('lists the newest first', async () => {
  expect(names(await libraryDesk())).toEqual(['Neon', 'Ink']);
});

test('a library that cannot be read says why, and can be read again', async () => {
  const desk = await libraryDesk((sandbox) => {
    sandbox.before = (call) => {
      if (call === 'listStyles') throw new SandboxError('Error', 'storage is locked');
    };
  });
  expect(desk.app.library.state.value).toEqual({ at: 'failed', message: 'Storage is locked' });
  desk.sandbox.before = undefined;
  await desk.app.library.load();
  expect(names(desk)).toHaveLength(2);
});

test('renames, and takes the old name back when that fails', async () => {
  const desk = await libraryDesk();
  await desk.app.library.rename('ink', '  Brush ');
  expect(desk.sandbox.styles.get('ink')!.listed.name).toBe('Brush');
  await desk.app.library.rename('ink', '   ');
  expect(names(desk)).toContain('Brush');
  desk.sandbox.before = () => {
    throw new Error('no');
  };
  await desk.app.library.rename('ink', 'Pen');
  expect(names(desk)).toContain('Brush');
  expect(notices(desk)).toEqual([expect.stringMatching(/“Brush” could not be renamed\. No/)]);
});

test('deleting can be undone: the file comes back as it was', async () => {
  const desk = await libraryDesk();
  const { file } = desk.sandbox.styles.get('ink')!;
  await desk.app.library.remove('ink', 'library');
  expect(names(desk)).toEqual(['Neon']);
  expect(desk.sandbox.styles.has('ink')).toBe(false);
  const [notice] = desk.app.services.notices.list.value;
  expect(notice).toMatchObject({ text: '“Ink” deleted', action: { label: 'Undo' } });
  desk.app.services.notices.act(notice!.id);
  await until(() => desk.sandbox.styles.has('ink'));
  expect(desk.sandbox.styles.get('ink')).toMatchObject({ file, listed: { name: 'Ink', inLibrary: true } });
  await until(() => names(desk).includes('Ink'));
});

test('an undo that does not fit any more offers the file', async () => {
  const desk = await libraryDesk();
  await desk.app.library.remove('ink', 'library');
  desk.sandbox.quota = 1;
  desk.app.services.notices.act(desk.app.services.notices.list.value[0]!.id);
  await until(() => notices(desk).some((text) => /“Ink” does not fit/.test(text)));
  const notice = desk.app.services.notices.list.value.find(({ kind }) => kind === 'error')!;
  desk.app.services.notices.act(notice.id);
  expect(desk.saved).toEqual([{ name: 'Ink.safetensors', content: new Uint8Array([105, 110, 107]) }]);
});

test('sharing puts a style into the document, and taking it out leaves the library alone', async () => {
  const desk = await libraryDesk();
  await desk.app.library.copyTo('ink', 'document');
  expect(desk.app.library.find('ink')).toMatchObject({ inLibrary: true, inDocument: true });
  await desk.app.library.remove('ink', 'document');
  expect(desk.app.library.find('ink')).toMatchObject({ inLibrary: true, inDocument: false });
  expect(desk.sandbox.styles.get('ink')!.listed).toMatchObject({ inLibrary: true, inDocument: false });
});

test('a style that does not fit is said, and nothing changes', async () => {
  let neon = '';
  const desk = await libraryDesk((sandbox) => {
    sandbox.quota = 5;
    neon = shareNeon(sandbox);
  });
  await desk.app.library.copyTo(neon, 'library');
  expect(desk.app.library.find(neon)).toMatchObject({ inLibrary: false });
  expect(notices(desk)).toEqual([expect.stringMatching(/“Neon” does not fit into your library\. Export or delete/)]);
});

test('a style of the document whose file is not the one its id names is not used', async () => {
  const desk = await libraryDesk();
  await expect(desk.app.library.file('neon')).rejects.toThrow(/“Neon” was changed after it was shared/);
  const sound = await libraryDesk((sandbox) => void shareNeon(sandbox));
  const { id } = sound.app.library.styles.value.find(({ name }) => name === 'Neon')!;
  await expect(sound.app.library.file(id)).resolves.toHaveLength(4);
});

test('exports and imports: the same file has the same id wherever it comes from', async () => {
  const desk = await libraryDesk();
  await desk.app.library.exportFile('ink');
  expect(desk.saved[0]).toEqual({ name: 'Ink.safetensors', content: new Uint8Array([105, 110, 107]) });
  const file = new Uint8Array([7, 7, 7]);
  await desk.app.library.importFile('brush.safetensors', file);
  expect(desk.app.library.find(styleIdOf(file))).toMatchObject({ name: 'brush', rank: 8, bytes: 3, thumbnail: null });
  await desk.app.library.importFile('renamed.safetensors', file);
  expect(names(desk)).toHaveLength(3);
  expect(notices(desk)).toContain('“brush” is in your library already');
  await desk.app.library.importFile('empty.safetensors', new Uint8Array());
  expect(notices(desk).at(-1)).toBe('empty.safetensors could not be imported. Empty.safetensors is not a style');
});

test('a style of PEFT comes with its config; what of a style is not applied is said', async () => {
  const desk = await libraryDesk();
  const config = { name: 'adapter_config.json', bytes: Uint8Array.of(1) };
  const weights = { name: 'adapter_model.safetensors', bytes: Uint8Array.of(80) };
  await desk.app.library.importFiles([config, weights]);
  expect(desk.app.library.find(styleIdOf(Uint8Array.of(1, 80)))).toMatchObject({ name: 'adapter_model', bytes: 2 });
  expect(notices(desk).at(-1)).toBe('“adapter_model” imported: 60 of 80 modules are applied');
  const alone = 'Import an adapter_config.json together with the one style it is for.';
  for (const files of [[config], [config, config, weights], [config, weights, { ...weights, name: 'b.safetensors' }]]) {
    const desk = await libraryDesk();
    await desk.app.library.importFiles(files);
    expect(notices(desk)).toEqual([alone]);
  }
});

test('where a style is used', async () => {
  const desk = await libraryDesk();
  const parameters = {
    ...({ version: 1, kind: 'restyled', prompt: '', guide: 'style', steps: 20, seed: 0, sourceId: 's' } as const),
    styles: [{ id: 'ink', name: 'Ink', strength: 1 }],
    model: { name: 'm', fingerprint: 'f' },
  };
  desk.sandbox.results.set('r', { original: null, styled: new Uint8Array(), parameters });
  await desk.app.library.findUses('ink');
  expect(desk.app.library.uses.value).toEqual({
    styleId: 'ink',
    uses: { at: 'known', uses: [{ id: 'r', name: 'r', page: 'Page 1' }] },
  });
  const slow = desk.app.library.findUses('ink');
  desk.app.library.closeUses();
  await slow;
  expect(desk.app.library.uses.value).toBeNull();
});

test('holds few files in memory, and reads those it let go again', async () => {
  const desk = await libraryDesk((sandbox) => {
    for (let i = 0; i < 9; i++) sandbox.addStyle(`style-${i}`, `Style ${i}`);
  });
  for (let i = 0; i < 9; i++) await desk.app.library.file(`style-${i}`);
  await desk.app.library.file('style-8');
  expect(desk.sandbox.calls('readStyle')).toHaveLength(9);
  await desk.app.library.file('style-0');
  expect(desk.sandbox.calls('readStyle')).toHaveLength(10);
});

test.each([
  ['Ink drawing', 'Ink-drawing.safetensors'],
  ['../a/b:c?', '..-a-b-c.safetensors'],
  ['***', 'style.safetensors'],
  ['Тушь', 'Тушь.safetensors'],
])('file name of %s', (name, file) => {
  expect(fileNameOf(name)).toBe(file);
});
