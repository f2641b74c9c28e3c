/** What is told of a file before libvips sees it: its kind, damage, colours that cannot be relied on; profiles; encodings. */
import { refusalOf } from '../../../cli/decoding/kinds';
import { refusalOfPng } from '../../../cli/decoding/png';
import { readProfile, toSrgb } from '../../../cli/decoding/profile';
import { prepareSvg } from '../../../cli/decoding/svg';
import { refusalOfColours, refusalOfTiff } from '../../../cli/decoding/unusual';
import { chunk, pngFile } from '../../support/png-file';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('kinds of files', () => {
  /** An ISO base media file's first box: its brands, and four bytes of another box behind it. */
  const media = (major: string, ...compatible: string[]): Buffer => {
    const brands = compatible.join('');
    return latin1(`\0\0\0${String.fromCharCode(16 + brands.length)}ftyp${major}\0\0\0\0${brands}avif`);
  };

  test.each<[string, Buffer, string | undefined]>([
    ['JPEG XL in a box', latin1('\0\0\0\x0cJXL \r\n\x87\n'), 'a JPEG XL picture'],
    ['JPEG 2000, bare', latin1('\xff\x4f\xff\x51\0'), 'a JPEG 2000 picture'],
    ['JPEG 2000 in a box', latin1('\0\0\0\x0cjP  \r\n\x87\n'), 'a JPEG 2000 picture'],
    ['BMP', latin1('BM\x36\0'), 'a BMP picture'],
    ['ICO', latin1('\0\0\x01\0\x01\0'), 'an icon file (ICO)'],
    ['ICNS', latin1('icns\0'), 'an icon file (ICNS)'],
    ['GIMP', latin1('gimp xcf v011'), 'a GIMP document'],
    ['OpenEXR', latin1('\x76\x2f\x31\x01\x02'), 'an OpenEXR picture'],
    ['Radiance', latin1('#?RADIANCE\n'), 'a Radiance HDR picture'],
    ['DDS', latin1('DDS \x7c'), 'a DirectDraw Surface'],
    ['netpbm', latin1('P6\n2 2\n255\n'), 'a netpbm picture'],
    ['QOI', latin1('qoif\0'), 'a QOI picture'],
    ['Fuji', latin1('FUJIFILMCCD-RAW 0201'), 'a raw photo'],
    ['PDF', latin1('%PDF-1.7'), 'a PDF document'],
    ['PostScript', latin1('%!PS-Adobe-3.0 EPSF-3.0'), 'a PostScript document'],
    ['a design program', latin1('PK\x03\x04\x14'), 'a ZIP archive or a document of a design program'],
    ['Matroska', latin1('\x1aE\xdf\xa3\x01'), 'a video'],
    ['HEIC by its major brand', media('heix'), 'a HEIC picture'],
    ['HEIC by a compatible brand', media('xxxx', 'mif1', 'hevc'), 'a HEIC picture'],
    ['HEIC by its structure', media('mif1'), 'a HEIC picture'],
    ['a phone video', media('qt  '), 'a video or a raw photo'],
    ['AVIF', media('avif', 'mif1', 'miaf'), undefined],
    ['AVIF that claims to be HEIC, too', media('mif1', 'heic', 'avif'), undefined],
    ['a word with a later brand', latin1('word ftypheic'), undefined],
  ])('%s', (_, start, kind) => {
    expect(refusalOf(start)).toBe(kind && `is ${kind}, which cannot be read; convert it to PNG or JPEG`);
  });
});

describe('PNG', () => {
  const file = (...before: Buffer[]): Buffer =>
    pngFile({
      colourType: 2,
      ...{ width: 8, height: 8, depth: 8, interlaced: false, filters: [0], before },
      samples: new Array<number>(192).fill(9),
    });

  test('what is whole, what ends early, and what follows the end, are left to libpng', () => {
    const whole = file();
    for (const bytes of [whole, whole.subarray(0, 8), whole.subarray(0, -3), whole.subarray(0, -12)]) {
      expect(refusalOfPng(bytes)).toBeUndefined();
    }
    const garbage = chunk('tEXt', [1, 2, 3]);
    garbage[9]! ^= 1;
    expect(refusalOfPng(Buffer.concat([whole, garbage]))).toBeUndefined();
    expect(refusalOfPng(file(garbage))).toMatch(/checksum of tEXt is wrong/);
  });

  test('a damaged type is not shown', () => {
    const odd = chunk('a\x1b]0', [1]);
    odd[9]! ^= 1;
    expect(refusalOfPng(file(odd))).toMatch(/checksum of a chunk is wrong/);
  });

  test.each([
    ['sRGB', [1, 13, 0, 1], true],
    ['BT.709', [1, 1, 0, 1], true],
    ['BT.601 curve', [1, 6, 0, 1], true],
    ['Display P3', [12, 13, 0, 1], false],
    ['linear light', [1, 8, 0, 1], false],
    ['PQ', [9, 16, 0, 1], false],
  ] as const)('cICP of %s', (_, cicp, read) => {
    const refusal = refusalOfPng(file(chunk('gAMA', [0, 0, 0xb1, 0x8f]), chunk('cICP', cicp)));
    if (read) expect(refusal).toBeUndefined();
    else expect(refusal).toMatch(/^is marked \(cICP\) as wide-gamut or HDR colours/);
  });
});

describe('ICC profiles', () => {
  const fixed = (...values: number[]): Buffer => {
    const out = Buffer.alloc(4 * values.length);
    values.forEach((value, i) => out.writeInt32BE(Math.round(value * 65_536), 4 * i));
    return out;
  };
  const head = (type: string): Buffer => Buffer.concat([latin1(type), Buffer.alloc(4)]);
  const xyz = (...values: number[]): Buffer => Buffer.concat([head('XYZ '), fixed(...values)]);
  const curve = (...points: number[]): Buffer => {
    const out = Buffer.alloc(4 + 2 * points.length);
    out.writeUInt32BE(points.length);
    points.forEach((point, i) => out.writeUInt16BE(point, 4 + 2 * i));
    return Buffer.concat([head('curv'), out]);
  };
  const parametric = (kind: number, ...values: number[]): Buffer =>
    Buffer.concat([head('para'), Buffer.from([0, kind, 0, 0]), fixed(...values)]);

  /** sRGB's own primaries, adapted to D50. */
  const PRIMARIES = {
    rXYZ: xyz(0.4360747, 0.2225045, 0.0139322),
    gXYZ: xyz(0.3850649, 0.7168786, 0.0971045),
    bXYZ: xyz(0.1430804, 0.0606169, 0.7141733),
  };
  const curves = (tag: Buffer): Record<string, Buffer> => ({ rTRC: tag, gTRC: tag, bTRC: tag });

  function profile(space: string, connection: string, tags: Record<string, Buffer>): Buffer {
    const list = Object.entries(tags);
    const table = Buffer.alloc(4 + 12 * list.length);
    table.writeUInt32BE(list.length);
    const header = Buffer.alloc(128);
    header.write(space, 16, 'latin1');
    header.write(connection, 20, 'latin1');
    header.write('acsp', 36, 'latin1');
    let offset = header.length + table.length;
    list.forEach(([name, content], i) => {
      table.write(name, 4 + 12 * i, 'latin1');
      table.writeUInt32BE(offset, 8 + 12 * i);
      table.writeUInt32BE(content.length, 12 + 12 * i);
      offset += content.length;
    });
    return Buffer.concat([header, table, ...list.map(([, content]) => content)]);
  }

  /** 8-bit sRGB of one colour, 0 to 1 per channel, in a profile. */
  function shown(bytes: Buffer, ...colour: number[]): number[] {
    const read = readProfile(bytes);
    if (!read || read.space === 'other') throw new Error('no colours can be computed from this profile');
    const sample = (value: number): number => Math.round(65_535 * value);
    return [...toSrgb(Uint16Array.from([...colour.map(sample), 65_535]), 65_535, read)].slice(0, 3);
  }

  /** With what 0.5 and 0.02 become, computed by hand from the curve's formula and that of sRGB. */
  const S = { a: 1 / 1.055, b: 0.055 / 1.055, c: 1 / 12.92, d: 0.04045 };
  test.each<[string, Buffer, number, number]>([
    ['none', curve(), 188, 39],
    ['one gamma', curve(0x0100), 188, 39],
    ['points', curve(0, 0x8000, 0xffff), 188, 39],
    ['uneven points', curve(0, 0x4000, 0xffff), 137, 25],
    ['parametric 0', parametric(0, 1), 188, 39],
    ['parametric 1', parametric(1, 1, 2, -0.5), 188, 0],
    ['parametric 2', parametric(2, 1, 2, -0.5, 0.25), 225, 137],
    ['parametric 3', parametric(3, 2.4, S.a, S.b, S.c, S.d), 128, 5],
    ['parametric 4', parametric(4, 2.4, S.a, S.b, S.c, S.d, 0.1, 0.2), 152, 124],
  ])('curve: %s', (_, tag, half, little) => {
    const bytes = profile('RGB ', 'XYZ ', { ...PRIMARIES, ...curves(tag) });
    expect(shown(bytes, 0.5, 0.5, 0.5)).toEqual([half, half, half]);
    expect(shown(bytes, 0.02, 0.02, 0.02)).toEqual([little, little, little]);
  });

  test('colours outside sRGB are clipped, and each primary is its own', () => {
    const { rXYZ, gXYZ, bXYZ } = PRIMARIES;
    const turned = profile('RGB ', 'XYZ ', { rXYZ: gXYZ, gXYZ: bXYZ, bXYZ: rXYZ, ...curves(curve()) });
    expect(shown(turned, 1, 0, 0)).toEqual([0, 255, 0]);
    expect(shown(turned, 0, 1, 0)).toEqual([0, 0, 255]);
    const strong = profile('RGB ', 'XYZ ', { ...PRIMARIES, rXYZ: xyz(0.9, 0.2, 0), ...curves(curve()) });
    // By the matrix 2.5, negative, and 0.019.
    expect(shown(strong, 1, 0, 0)).toEqual([255, 0, 38]);
  });

  test('grey, by luminance or by lightness', () => {
    expect(shown(profile('GRAY', 'XYZ ', { kTRC: curve(0x0100) }), 0.5, 0.5, 0.5)[0]).toBe(188);
    // CIE lightness 50 is a luminance of 18.4 %, and 5 of 0.55 %.
    const lightness = profile('GRAY', 'Lab ', { kTRC: curve() });
    expect(shown(lightness, 0.5, 0.5, 0.5)[0]).toBe(119);
    expect(shown(lightness, 0.05, 0.05, 0.05)[0]).toBe(17);
  });

  const whole = profile('RGB ', 'XYZ ', { ...PRIMARIES, ...curves(curve(0x0233)) });
  test.each<[string, Buffer, string | undefined]>([
    ['whole', whole, 'rgb'],
    ['with tables', profile('RGB ', 'XYZ ', { ...PRIMARIES, ...curves(curve()), A2B0: head('mAB ') }), 'other'],
    ['grey with tables', profile('GRAY', 'Lab ', { kTRC: curve(), A2B0: head('mft2') }), 'other'],
    ['connected by Lab', profile('RGB ', 'Lab ', { ...PRIMARIES, ...curves(curve()) }), 'other'],
    ['of ink', profile('CMYK', 'Lab ', {}), 'other'],
    ['without a mark', Buffer.concat([whole.subarray(0, 36), Buffer.alloc(4), whole.subarray(40)]), undefined],
    ['without a column', profile('RGB ', 'XYZ ', { rXYZ: PRIMARIES.rXYZ, ...curves(curve()) }), undefined],
    ['without a curve', profile('RGB ', 'XYZ ', { ...PRIMARIES, rTRC: curve(), bTRC: curve() }), undefined],
    ['grey without a curve', profile('GRAY', 'XYZ ', {}), undefined],
    ['of an unknown curve', profile('RGB ', 'XYZ ', { ...PRIMARIES, ...curves(head('data')) }), undefined],
    [
      'of an unknown parametric curve',
      profile('GRAY', 'XYZ ', { kTRC: parametric(5, 1, 1, 1, 1, 1, 1, 1) }),
      undefined,
    ],
    ['whose curve is cut', profile('GRAY', 'XYZ ', { kTRC: curve(1, 2, 3, 4).subarray(0, 16) }), undefined],
    ['cut', whole.subarray(0, -4), undefined],
    ['empty', Buffer.alloc(0), undefined],
  ])('%s', (_, bytes, space) => {
    expect(readProfile(bytes)?.space).toBe(space);
  });

  test('a count of points or tags that no profile has is damage, found before memory is asked for', () => {
    const points = curve(1, 2);
    points.writeUInt32BE(0xffff_ffff, 8);
    expect(readProfile(profile('GRAY', 'XYZ ', { kTRC: points }))).toBeUndefined();
    const many = curve(...new Array<number>(65_537).fill(9));
    expect(readProfile(profile('GRAY', 'XYZ ', { kTRC: many }))).toBeUndefined();
    const tags = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`t${i}`.padEnd(4), curve()]));
    expect(readProfile(profile('GRAY', 'XYZ ', { ...tags, kTRC: curve() }))).toBeUndefined();
  });

  test('numbers without a profile are sRGB, and alpha has no curve', () => {
    expect([...toSrgb(Uint8Array.of(1, 2, 3, 4), 255, undefined)]).toEqual([1, 2, 3, 4]);
    expect([...toSrgb(Uint16Array.of(0x8080, 0, 0xffff, 0x4040), 65_535, undefined)]).toEqual([128, 0, 255, 64]);
    const grey = readProfile(profile('GRAY', 'XYZ ', { kTRC: curve(0x0100) }));
    if (grey?.space !== 'grey') throw new Error('the profile is grey');
    expect([...toSrgb(Uint8Array.of(128, 128, 128, 128), 255, grey)]).toEqual([188, 188, 188, 128]);
  });
});

describe('SVG', () => {
  const body = '<svg xmlns="http://www.w3.org/2000/svg"/>';
  test.each([
    ['no declaration', body],
    ['UTF-8', `<?xml version="1.0" encoding="UTF-8"?>${body}`],
    ['ASCII', `<?xml version="1.0" encoding='us-ascii'?>${body}`],
    ['an encoding that nobody knows', `<?xml version="1.0" encoding="klingon"?>${body}`],
    ['another kind of XML', '<?xml version="1.0" encoding="ISO-8859-1"?><html/>'],
    ['text that names one', `see <?xml version="1.0" encoding="ISO-8859-1"?>${body}`],
    ['an element too far behind', `<?xml version="1.0" encoding="ISO-8859-1"?><!--${'x'.repeat(66_000)}-->${body}`],
  ])('%s: the bytes as they are', (_, text) => {
    const bytes = latin1(text);
    expect(prepareSvg(bytes)).toBe(bytes);
  });

  test('other encodings become UTF-8, and their declaration goes', () => {
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
    const windows = latin1(`<?xml version="1.0" encoding="windows-1252" standalone="no"?><!--\x80-->${body}`);
    expect(text(prepareSvg(windows))).toBe(`<?xml version="1.0" standalone="no"?><!--€-->${body}`);
    expect(text(prepareSvg(Buffer.from(`<!--é-->${body}`, 'utf16le')))).toBe(`<!--é-->${body}`);
    const prefixed = `<?xml version="1.0"?><s:svg xmlns:s="http://www.w3.org/2000/svg"/>`;
    expect(text(prepareSvg(latin1(prefixed)))).toBe(prefixed.replace('?>', '?><!-- <svg -->'));
  });
});

describe('colours that cannot be relied on', () => {
  const of = (depth: string, space: string, channels: number): string | undefined =>
    refusalOfColours({ depth, space, channels } as Parameters<typeof refusalOfColours>[0]);

  test.each<[string, string, number]>([
    ['uchar', 'srgb', 3],
    ['uchar', 'srgb', 4],
    ['ushort', 'rgb16', 4],
    ['uchar', 'b-w', 2],
    ['ushort', 'grey16', 1],
    ['uchar', 'cmyk', 4],
    ['char', 'lab', 3],
    ['short', 'labs', 4],
  ])('%s %s of %i channels are read', (...colours) => {
    expect(of(...colours)).toBeUndefined();
  });

  test.each<[string, string, number, RegExp]>([
    ['float', 'srgb', 3, /^has floating point samples, and which value is white cannot be told; save it as RGB/],
    ['double', 'b-w', 1, /^has floating point samples/],
    ['uint', 'b-w', 1, /^has 32-bit samples/],
    ['short', 'b-w', 1, /^has signed 16-bit samples/],
    ['char', 'srgb', 3, /^has signed 8-bit samples/],
    ['uchar', 'hsv', 3, /^is of the colour space hsv, which is not read; save it as RGB/],
    ['ushort', 'rgb16', 5, /^has 5 channels, more than colour and transparency; save it as RGB/],
    ['uchar', 'b-w', 3, /^has 3 channels/],
    ['uchar', 'cmyk', 6, /^has 6 channels/],
  ])('%s %s of %i channels are not', (depth, space, channels, message) => {
    expect(of(depth, space, channels)).toMatch(message);
  });
});

describe('TIFF', () => {
  const SHORT = 3;
  const LONG = 4;
  /** A file that is its first directory alone. */
  function tiff(little: boolean, ...entries: [tag: number, type: number, value: number][]): Buffer {
    const out = Buffer.alloc(10 + 12 * entries.length);
    const view = new DataView(out.buffer, out.byteOffset, out.length);
    out.write(little ? 'II' : 'MM', 'latin1');
    view.setUint16(2, 42, little);
    view.setUint32(4, 8, little);
    view.setUint16(8, entries.length, little);
    entries.forEach(([tag, type, value], i) => {
      const at = 10 + 12 * i;
      view.setUint16(at, tag, little);
      view.setUint16(at + 2, type, little);
      view.setUint32(at + 4, 1, little);
      if (type === SHORT) view.setUint16(at + 8, value, little);
      else view.setUint32(at + 8, value, little);
    });
    return out;
  }

  describe.each([true, false])('little-endian: %p', (little) => {
    test.each<[string, [number, number, number][], RegExp | undefined]>([
      ['a plain one', [[254, LONG, 0]], undefined],
      ['a page of a document', [[254, LONG, 2]], undefined],
      ['a thumbnail', [[254, LONG, 1]], /^is a raw photo, or begins with a thumbnail/],
      ['a DNG', [[50_706, LONG, 0x0104_0000]], /^is a raw photo/],
      ['planes of grey and alpha', [[277, SHORT, 2], [284, SHORT, 2]], /^has grey and transparency in separate planes/], // prettier-ignore
      ['planes of RGB', [[277, SHORT, 3], [284, SHORT, 2]], undefined], // prettier-ignore
      ['grey and alpha, interleaved', [[277, SHORT, 2], [284, SHORT, 1]], undefined], // prettier-ignore
    ])('%s', (_, entries, message) => {
      const refusal = refusalOfTiff(tiff(little, ...entries));
      if (message) expect(refusal).toMatch(message);
      else expect(refusal).toBeUndefined();
    });
  });

  test('one cut at any byte, and BigTIFF, are left to libtiff', () => {
    const whole = tiff(true, [277, SHORT, 2], [284, SHORT, 2]);
    for (let length = 0; length < whole.length; length++)
      expect(refusalOfTiff(whole.subarray(0, length))).toBeUndefined();
    whole.writeUInt16LE(43, 2);
    expect(refusalOfTiff(whole)).toBeUndefined();
  });
});
