/** The safetensors format: what is read, what is refused, and that nothing else happens. */
import fc from 'fast-check';
import { bfloatsToFloats, floatToHalf, halfToFloat } from '../../engine/tensor/half';
import { openSafetensors, readFloats, writeSafetensors, type TensorToWrite } from '../../engine/weights/safetensors';
import { blobSource, bytesSource } from '../../engine/weights/source';
import { inputError, rawFile, strictSource, valueOrInputError } from './support';

const open = (bytes: Uint8Array) => openSafetensors(bytesSource('file.safetensors', bytes));
const entry = (dtype: string, shape: unknown, begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const LFS_POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a1'.repeat(32)}\nsize 8770960\n`;

describe('openSafetensors', () => {
  test('reads entries with absolute offsets, and metadata', async () => {
    const header = JSON.stringify({
      __metadata__: { format: 'pt' },
      b: entry('F16', [3], 8, 14),
      a: entry('F32', [1, 2], 0, 8),
    });
    const file = await open(rawFile(header, 14));
    expect([...file.tensors.values()]).toEqual([
      { name: 'a', dtype: 'F32', shape: [1, 2], offset: 8 + header.length, length: 8 },
      { name: 'b', dtype: 'F16', shape: [3], offset: 16 + header.length, length: 6 },
    ]);
    expect(file.metadata).toEqual({ format: 'pt' });
  });

  test('scalars, empty tensors and names of Object.prototype are ordinary', async () => {
    const header = {
      scalar: entry('F32', [], 0, 4),
      empty: entry('I64', [0, 3], 4, 4),
      constructor: entry('U8', [1], 4, 5),
      // It begins where the one before it does, and comes after it in the header.
      nothing: entry('F32', [0], 4, 4),
    };
    const file = await open(rawFile(JSON.stringify(header), 5));
    expect([...file.tensors.keys()].sort()).toEqual(['constructor', 'empty', 'nothing', 'scalar']);
    expect(await readFloats(file, 'empty')).toHaveLength(0);
  });

  const f32 = (shape: unknown, begin: unknown, end: unknown) =>
    JSON.stringify({ t: { dtype: 'F32', shape, data_offsets: [begin, end] } });
  test.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(0), /is empty; fetch/],
    ['seven bytes', new Uint8Array(7), /no whole safetensors file \(7 bytes\)/],
    ['a header past the end', rawFile('{}', 0, 3), /no whole safetensors file \(10 bytes\)/],
    ['a header of 2^63 bytes', rawFile('{}', 0, 2 ** 63), /no whole/],
    ['a header over 100 MB', rawFile('{}', 0, 100_000_001), /no whole/],
    ['no JSON', rawFile('{"t":'), /not valid JSON/],
    ['no UTF-8', rawFile(Uint8Array.of(0x7b, 0xff, 0x7d)), /not UTF-8/],
    ['a list', rawFile('[]'), /not a JSON object/],
    ['a pickle', rawFile(Uint8Array.of(0x80, 2, 0x7d, 0x71)), /UTF-8|JSON/],
    ['__proto__', rawFile('{"__proto__":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}', 4), /__proto__/],
    ['deep nesting', rawFile(`{"t":${'['.repeat(100_000)}${']'.repeat(100_000)}}`), /levels deep|not valid JSON/],
    ['a number as entry', rawFile('{"t":1}'), /tensor "t" is described by 1/],
    ['no dtype', rawFile('{"t":{"shape":[],"data_offsets":[0,0]}}'), /tensor "t" has dtype nothing/],
    [
      'an unknown dtype',
      rawFile(JSON.stringify({ t: entry('Q4', [], 0, 4) }), 4),
      /dtype "Q4", which is not one of F64/,
    ],
    ['a dtype of Object.prototype', rawFile(JSON.stringify({ t: entry('toString', [], 0, 4) }), 4), /dtype "toString"/],
    ['a negative extent', rawFile(f32([-1], 0, 4), 4), /has shape \[-1\]/],
    ['a fractional extent', rawFile(f32([0.5], 0, 2), 2), /has shape/],
    ['an unsafe extent', rawFile(f32([2 ** 53], 0, 4), 4), /has shape/],
    ['a product past 2^53', rawFile(f32([2 ** 40, 2 ** 40], 0, 4), 4), /needs/],
    ['a string extent', rawFile(f32(['1'], 0, 4), 4), /has shape/],
    ['no shape', rawFile(f32(null, 0, 4), 4), /has shape null/],
    ['rank 17', rawFile(f32(new Array(17).fill(1), 0, 4), 4), /has shape/],
    ['one offset', rawFile('{"t":{"dtype":"F32","shape":[],"data_offsets":[0]}}', 4), /data_offsets \[0\]/],
    ['a negative offset', rawFile(f32([], -4, 0), 4), /data_offsets/],
    ['begin after end', rawFile(f32([], 4, 0), 4), /begins at 4, after its end at 0/],
    ['an end past the file', rawFile(f32([2], 0, 8), 4), /ends at byte 8 of 4/],
    ['a wrong length', rawFile(f32([2], 0, 4), 4), /needs 8 bytes and has 4/],
    [
      'an overlap',
      rawFile(JSON.stringify({ a: entry('F32', [2], 0, 8), b: entry('F32', [1], 4, 8) }), 8),
      /"b" overlaps/,
    ],
    [
      'a hole',
      rawFile(JSON.stringify({ a: entry('F32', [], 0, 4), b: entry('F32', [], 8, 12) }), 12),
      /4 bytes before tensor "b"/,
    ],
    ['a hole at the start', rawFile(f32([], 4, 8), 8), /4 bytes before tensor "t"/],
    ['a tail', rawFile(f32([], 0, 4), 5), /: 1 bytes after the last tensor/],
    [
      'a key given twice',
      rawFile(`{"t":${JSON.stringify(entry('F32', [], 0, 4))},"t":${JSON.stringify(entry('F32', [], 4, 8))}}`, 8),
      /belong to no tensor/,
    ],
    ['a long name', rawFile(`{"${'n'.repeat(1001)}":1}`), /has a name of 1001 characters/],
    ['half a byte', rawFile(JSON.stringify({ t: entry('F4', [3], 0, 2) }), 2), /needs 1.5 bytes and has 2/],
    [
      'too many tensors',
      rawFile(JSON.stringify(Object.fromEntries(Array.from({ length: 100_001 }, (_, i) => [i, 0])))),
      /holds 100001 tensors, more than 100000/,
    ],
    [
      'a long metadata key',
      rawFile(`{"__metadata__":{"a":"","${'k'.repeat(1001)}":""}}`),
      /a key of more than 1000 characters/,
    ],
    [
      'many metadata',
      rawFile(JSON.stringify({ __metadata__: Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [i, ''])) })),
      /more than 10000 entries/,
    ],
    [
      'a Git LFS pointer',
      text(LFS_POINTER),
      /is a Git LFS pointer, which only stands for a file of 8770960 bytes; run "git lfs pull" .*, or download/,
    ],
    [
      'a cut Git LFS pointer',
      text(LFS_POINTER.slice(0, 60)),
      /is a Git LFS pointer, which only stands for the file; run/,
    ],
    [
      'a zip of torch.save',
      text('PK\x03\x04 and the rest of an archive'),
      /is a PyTorch pickle .* never read; choose the \.safetensors file/,
    ],
    ['a bare pickle', Uint8Array.of(0x80, 2, 0x7d, 0x71, 0, 0x58, 0, 0, 0, 0x2e), /is a PyTorch pickle/],
    ['GGUF', text('GGUF\x03\x00\x00\x00 and more'), /is a GGUF file, which is not supported/],
    ['a web page', text('\n<!DOCTYPE html><html><body>404</body></html>'), /is a web page, not weights/],
    ['metadata of numbers', rawFile('{"__metadata__":{"a":1}}'), /__metadata__ is not a map/],
    ['metadata in a list', rawFile('{"__metadata__":["a"]}'), /__metadata__ is not a map/],
  ])('refuses %s', async (_, bytes, message) => {
    const said = await inputError(open(bytes));
    expect(said).toMatch(message);
    expect(said).toMatch(/^file\.safetensors/);
  });

  test('a header whose length looks like another format is read', async () => {
    // 0x0280 bytes: the first two of a pickle.
    const header = JSON.stringify({ t: entry('F32', [1], 0, 4) }).padEnd(0x280);
    expect([...(await open(rawFile(header, 4))).tensors.keys()]).toEqual(['t']);
  });

  test('tensors of every dtype of the format are listed; those that must be converted stop nothing until they are read', async () => {
    const sizes = {
      F8_E4M3: 2,
      F8_E5M2: 2,
      F8_E8M0: 2,
      F8_E4M3FNUZ: 2,
      F8_E5M2FNUZ: 2,
      F4: 1,
      C64: 16,
      U16: 4,
      U32: 8,
      U64: 16,
    };
    for (const [dtype, bytes] of Object.entries(sizes)) {
      const file = await open(
        rawFile(JSON.stringify({ f: entry('F16', [1], 0, 2), t: entry(dtype, [2], 2, 2 + bytes) }), 2 + bytes),
      );
      expect(file.tensors.get('t')).toMatchObject({ dtype, length: bytes });
      expect(await readFloats(file, 'f')).toEqual(Float32Array.of(0));
      if (dtype.startsWith('U')) expect(await readFloats(file, 't')).toEqual(Float32Array.of(0, 0));
      else {
        expect(await inputError(readFloats(file, 't'))).toBe(
          `file.safetensors: tensor "t" is ${dtype}, which is not read; convert the weights to F16 or F32 (in PyTorch: tensor.to(torch.float16)) or choose a file in F16, BF16 or F32`,
        );
      }
    }
    const sixBits = await open(rawFile(JSON.stringify({ t: entry('F6_E2M3', [4], 0, 3) }), 3));
    expect(await inputError(readFloats(sixBits, 't'))).toMatch(/F6_E2M3, which is not read/);
  });

  test('refuses a tensor that is not there', async () => {
    expect(await inputError(readFloats(await open(rawFile('{}')), 'toString'))).toMatch(/no tensor "toString"/);
  });
});

describe('readFloats', () => {
  const read = async (dtype: string, count: number, data: ArrayBufferView): Promise<Float32Array> => {
    // A header of odd length, so that the data start unaligned.
    let header = JSON.stringify({ t: entry(dtype, [count], 0, data.byteLength) });
    if (header.length % 2 === 0) header += ' ';
    const bytes = rawFile(header, data.byteLength);
    bytes.set(new Uint8Array(data.buffer), 8 + header.length);
    return readFloats(await open(bytes), 't');
  };

  test('all 65536 halves are exact', async () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const floats = await read('F16', 65536, halves);
    for (let i = 0; i < 65536; i++) {
      const sign = i >> 15 ? -1 : 1;
      const exponent = (i >> 10) & 31;
      const fraction = (i & 1023) / 1024;
      const value =
        exponent === 31
          ? fraction
            ? NaN
            : sign * Infinity
          : exponent
            ? sign * (1 + fraction) * 2 ** (exponent - 15)
            : sign * fraction * 2 ** -14;
      if (!Object.is(floats[i], value)) throw new Error(`half ${i} is ${floats[i]}, not ${value}`);
      if (!Number.isNaN(value) && floatToHalf(halfToFloat(i)) !== i) throw new Error(`half ${i} does not come back`);
    }
  });

  test('all 65536 bfloats are the high words of floats', async () => {
    const words = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const floats = await read('BF16', 65536, words);
    const view = new DataView(new ArrayBuffer(4));
    for (let i = 0; i < 65536; i++) {
      view.setUint16(0, i);
      if (!Object.is(floats[i], view.getFloat32(0))) throw new Error(`bfloat ${i} is ${floats[i]}`);
    }
    expect(bfloatsToFloats(words)).toEqual(floats);
  });

  test('other dtypes', async () => {
    expect([...(await read('F32', 2, Float32Array.of(1.5, -0)))]).toEqual([1.5, -0]);
    expect([...(await read('F64', 2, Float64Array.of(0.1, 1e300)))]).toEqual([Math.fround(0.1), Infinity]);
    expect([...(await read('I64', 2, BigInt64Array.of(77n, -1n)))]).toEqual([77, -1]);
    expect([...(await read('I32', 1, Int32Array.of(-5)))]).toEqual([-5]);
    expect([...(await read('U64', 1, BigUint64Array.of(2n ** 63n)))]).toEqual([2 ** 63]);
    expect([...(await read('U32', 1, Uint32Array.of(4e9)))]).toEqual([4e9]);
    expect([...(await read('U16', 1, Uint16Array.of(65535)))]).toEqual([65535]);
    expect([...(await read('I16', 1, Int16Array.of(-5)))]).toEqual([-5]);
    expect([...(await read('I8', 1, Int8Array.of(-5)))]).toEqual([-5]);
    expect([...(await read('U8', 1, Uint8Array.of(250)))]).toEqual([250]);
    expect([...(await read('BOOL', 2, Uint8Array.of(1, 0)))]).toEqual([1, 0]);
  });

  test('hands out a copy', async () => {
    const bytes = writeSafetensors([{ name: 't', dtype: 'F32', shape: [1], data: Float32Array.of(1) }]);
    const file = await open(bytes);
    (await readFloats(file, 't'))[0] = 2;
    expect((await readFloats(file, 't'))[0]).toBe(1);
  });
});

const tensors: fc.Arbitrary<TensorToWrite[]> = fc.uniqueArray(
  fc
    .record({
      name: fc
        .string({ unit: 'binary', maxLength: 12 })
        .filter((name) => name !== '__metadata__' && name !== '__proto__'),
      dtype: fc.constantFrom('F32' as const, 'F16' as const),
      shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
      seed: fc.float({ min: -2, max: 2, noNaN: true }),
    })
    .map(({ name, dtype, shape, seed }) => {
      const count = shape.reduce((n, extent) => n * extent, 1);
      // Halves of small integers, exact in f16 too.
      return { name, dtype, shape, data: Float32Array.from({ length: count }, (_, i) => Math.round(seed * 8 + i) / 2) };
    }),
  { selector: (tensor) => tensor.name, maxLength: 8 },
);

describe('writeSafetensors', () => {
  test('what is written is read back exactly, aligned and in order', async () => {
    await fc.assert(
      fc.asyncProperty(tensors, fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }), async (list, metadata) => {
        fc.pre(!Object.hasOwn(metadata, '__proto__'));
        const bytes = writeSafetensors(list, metadata);
        const file = await openSafetensors(strictSource(bytes));
        expect({ ...file.metadata }).toEqual({ ...metadata });
        expect(file.tensors.size).toBe(list.length);
        for (const { name, dtype, shape, data } of list) {
          const found = file.tensors.get(name)!;
          expect(found).toMatchObject({ dtype, shape });
          expect(found.offset % (dtype === 'F32' ? 4 : 2)).toBe(0);
          expect(await readFloats(file, name)).toEqual(data);
        }
        expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0);
        expect(writeSafetensors([...list].reverse(), metadata)).toEqual(bytes);
      }),
    );
  });

  test('takes binary16 bits as they are', async () => {
    const bits = Uint16Array.of(0x3c00, 0x7e01, 0x8000);
    const file = await open(writeSafetensors([{ name: 't', dtype: 'F16', shape: [3], data: bits }]));
    const { offset } = file.tensors.get('t')!;
    expect(new Uint16Array((await file.source.read(offset, 6)).slice().buffer)).toEqual(bits);
  });

  test("throws on a caller's mistakes", () => {
    const one = { name: 't', dtype: 'F32' as const, shape: [1], data: Float32Array.of(1) };
    expect(() => writeSafetensors([one, one])).toThrow(RangeError);
    expect(() => writeSafetensors([{ ...one, name: '__metadata__' }])).toThrow(RangeError);
    expect(() => writeSafetensors([{ ...one, shape: [2] }])).toThrow(RangeError);
    expect(() => writeSafetensors([{ ...one, data: Uint16Array.of(1) }])).toThrow(RangeError);
  });
});

describe('damaged files', () => {
  const whole = writeSafetensors(
    [
      { name: 'unet.a', dtype: 'F32', shape: [2, 3], data: new Float32Array(6).fill(1) },
      { name: 'unet.b', dtype: 'F16', shape: [5], data: new Float32Array(5).fill(2) },
    ],
    { format: 'pt' },
  );
  const readAll = async (bytes: Uint8Array): Promise<void> => {
    const file = await openSafetensors(strictSource(bytes));
    for (const name of file.tensors.keys()) await readFloats(file, name);
  };

  test('any bytes changed: read, or an InputError, and never a read outside', async () => {
    const change = fc.tuple(fc.integer({ min: 0, max: whole.length - 1 }), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
        const bytes = whole.slice();
        for (const [at, value] of changes) bytes[at] = value;
        await valueOrInputError(() => readAll(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  test('a digit, bracket or quote of the header changed', async () => {
    const headerEnd = 8 + Number(new DataView(whole.buffer).getBigUint64(0, true));
    const characters = [...'0123456789-.e[]{}":,FIBU n'].map((character) => character.charCodeAt(0));
    for (let at = 8; at < headerEnd; at++) {
      for (const character of characters) {
        const bytes = whole.slice();
        bytes[at] = character;
        await valueOrInputError(() => readAll(bytes));
      }
    }
  });

  test('every cut is refused', async () => {
    for (let length = 0; length < whole.length; length++) await inputError(readAll(whole.slice(0, length)));
  });

  test('any bytes at all', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 64 }),
        async (bytes) => void (await valueOrInputError(() => readAll(bytes))),
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.json(),
        fc.nat(32),
        async (header, data) => void (await valueOrInputError(() => readAll(rawFile(header, data)))),
      ),
    );
  });
});

test('a Blob reads as its bytes do', async () => {
  const bytes = writeSafetensors([{ name: 't', dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) }]);
  const source = blobSource('file.safetensors', new Blob([bytes]));
  expect(await readFloats(await openSafetensors(source), 't')).toEqual(Float32Array.of(1, 2));
  await expect(source.read(0, bytes.length + 1)).rejects.toThrow(RangeError);
  expect(await source.asBlobOrBytes()).toBeInstanceOf(Blob);
});
