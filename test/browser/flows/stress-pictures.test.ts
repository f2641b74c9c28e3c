/** Pictures of every kind and size, restyled in one queue. */
import { join } from 'node:path';
import sharp from 'sharp';
import { openEditor, type EditorUnderTest } from './editor';
import { styleFile } from './styles';
import { importStyle, restyle, waitForQueue } from './user';

jest.setTimeout(300_000);

let editor: EditorUnderTest;

beforeAll(async () => {
  editor = await openEditor('tiny', 'nothing');
  await importStyle(editor, styleFile('Ink', 'tiny'), 'Ink');
});
afterEach(() => expect(editor.takeErrors()).toEqual([]));
afterAll(() => editor.close());

const photo = sharp(join(__dirname, '../../../playground/samples/landscape.jpg')).resize(240, 160);
const icon = sharp(join(__dirname, '../../../cli/demo-data/koala.png')).resize(200, 200);
const frame = (background: string) =>
  sharp({ create: { width: 120, height: 120, channels: 3, background } })
    .png()
    .toBuffer();

/** Puts a picture onto the page. */
async function put(name: string, type: string, bytes: Buffer): Promise<void> {
  await editor.page.evaluate(([file, mime, data]) => playground!.add(file, mime, data).then(() => undefined), [
    name,
    type,
    Uint8Array.from(bytes),
  ] as const);
}

/** Restyled pictures as pixels, with what is below and above a result checked. */
async function resultOf(name: string) {
  const source = await editor.layer(name);
  const result = await editor.result(`${name} – Ink`);
  expect(result).toMatchObject({ bounds: source.bounds, visible: true });
  const names = await editor.names('Icons');
  expect(names.indexOf(result.name)).toBe(names.indexOf(name) + 1);
  const read = async (hash: string) =>
    sharp(await editor.image(hash))
      .ensureAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
  const [original, styled] = [await read(result.original), await read(result.styled)];
  expect(styled.info).toMatchObject({ width: original.info.width, height: original.info.height, channels: 4 });
  return { original, styled };
}

test('transparent, grayscale, CMYK, animated, and without any colour: each is restyled', async () => {
  const gif = await sharp(await Promise.all(['#d03020', '#2030d0'].map(frame)), { join: { animated: true } })
    .gif({ loop: 0, delay: [100, 100] })
    .toBuffer();
  expect((await sharp(gif, { animated: true }).metadata()).pages).toBe(2);
  const cmyk = await photo.clone().toColourspace('cmyk').jpeg().toBuffer();
  expect((await sharp(cmyk).metadata()).space).toBe('cmyk');
  const gray = await photo.clone().toColourspace('b-w').png().toBuffer();
  expect((await sharp(gray).metadata()).channels).toBe(1);
  const clear = { width: 90, height: 60, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } as const;
  await put('cut out.png', 'image/png', await icon.clone().png().toBuffer());
  await put('gray.png', 'image/png', gray);
  await put('cmyk.jpg', 'image/jpeg', cmyk);
  await put('animated.gif', 'image/gif', gif);
  await put('clear.png', 'image/png', await sharp({ create: clear }).png().toBuffer());
  const names = ['cut out', 'gray', 'cmyk', 'animated', 'clear'];

  await restyle(editor, ...names);

  for (const name of names) {
    const { original, styled } = await resultOf(name);
    const alpha = (data: Buffer): Uint8Array => data.filter((_, i) => i % 4 === 3);
    // The shape of a picture is kept; its colours are not.
    expect(Buffer.compare(alpha(styled.data), alpha(original.data))).toBe(0);
    expect(styled.data.equals(original.data)).toBe(name === 'clear');
  }
});

test('a picture of 4096 px is restyled at its size', async () => {
  await put('huge.png', 'image/png', await icon.clone().resize(4096, 4096).png({ compressionLevel: 3 }).toBuffer());
  await restyle(editor, 'huge');
  const { original, styled } = await resultOf('huge');
  expect(styled.info).toMatchObject({ width: 4096, height: 4096 });
  expect(styled.data.equals(original.data)).toBe(false);
});

test('what has no picture is refused with the reason, at once', async () => {
  await put('line.png', 'image/png', await icon.clone().resize(400, 4, { fit: 'fill' }).png().toBuffer());
  await editor.select('line', 'cut out');
  await editor.panel.getByText('“line” will be left out').waitFor();
  await editor.panel.getByText('This layer is too thin.').waitFor();
  await editor.panel.getByRole('button', { name: 'Restyle 1 layer' }).click();
  await waitForQueue(editor, /^1 of \d restyled/);
  expect(await editor.names('Icons')).not.toContain('line – Ink');
});
