/** What lies on a result, and changing it in place. */
import { Sandbox } from './support/sandbox';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.open();
});
afterEach(() => sandbox.close());

/** A document with a source and its result, in `ids`. */
function withResult(): { source: string; result: string } {
  return sandbox.run(async (world) => {
    const source = world.add('RECTANGLE', { name: 'apple', at: [30, 40], width: 80, height: 60 });
    world.file.history.commit();
    await world.open();
    return { source, result: await world.restyle(source) };
  });
}

test('a result carries both pictures, how it was made, and its buttons; the source is as it was', () => {
  const seen = sandbox.run(async (world) => {
    const source = world.add('RECTANGLE', { name: 'apple' });
    const before = JSON.stringify(world.node(source));
    await world.open();
    const result = await world.restyle(source);
    const { kind, pluginData, relaunchData } = world.node(result);
    return {
      kind,
      pictures: world.pictures(result),
      parameters: JSON.parse(pluginData.result!) as unknown,
      expected: world.parameters({ sourceId: source }),
      buttons: Object.keys(relaunchData),
      untouched: JSON.stringify(world.node(source)) === before,
    };
  });
  expect(seen).toMatchObject({ kind: 'RECTANGLE', pictures: ['-original', 'styled'], untouched: true });
  expect(seen.parameters).toEqual(seen.expected);
  expect(seen.buttons).toEqual(['tune', 'again']);
});

test('opening gives back pictures and parameters', () => {
  const { result } = withResult();
  const opened = sandbox.run(async (world, id) => {
    const { original, styled, parameters } = await world.call('openResult', { id });
    return [world.tag(original), world.tag(styled), parameters.seed];
  }, result);
  expect(opened).toEqual(['original', 'styled', 3]);
});

test('an imagined picture has no original', () => {
  const opened = sandbox.run(async (world) => {
    await world.open();
    const parameters = world.parameters({ kind: 'imagined' });
    const { id } = await world.call('insertImagined', {
      picture: world.png(9, 9, 'pear'),
      width: 9,
      height: 9,
      parameters,
    });
    const { original, styled } = await world.call('openResult', { id });
    await world.call('updateResult', { id, styled: world.png(9, 9, 'quince'), parameters, final: true });
    return [original, world.tag(styled), world.pictures(id)];
  });
  expect(opened).toEqual([null, 'pear', ['quince']]);
});

test('previews change the picture alone; the final change is one step of undo, back to before the drag', () => {
  const { result } = withResult();
  const seen = sandbox.run(async (world, id) => {
    const before = world.file.history.undoable;
    const styles = [{ id: 'ink', name: 'Ink', strength: 0.3 }];
    const parameters = world.parameters({ styles });
    for (const tag of ['p1', 'p2', 'p3']) {
      await world.call('updateResult', { id, styled: world.png(4, 4, tag), parameters, final: false });
    }
    const preview = { pictures: world.pictures(id), data: world.node(id).pluginData.result!.includes('0.3') };
    await world.call('updateResult', { id, styled: world.png(8, 8, 'final'), parameters, final: true });
    const final = { pictures: world.pictures(id), data: world.node(id).pluginData.result!.includes('0.3') };
    const steps = world.file.history.undoable - before;
    world.file.history.undo();
    const undone = { pictures: world.pictures(id), data: world.node(id).pluginData.result!.includes('0.3') };
    return { preview, final, steps, undone, layers: world.names(world.page) };
  }, result);
  expect(seen).toEqual({
    preview: { pictures: ['-original', 'p3'], data: false },
    final: { pictures: ['-original', 'final'], data: true },
    steps: 1,
    undone: { pictures: ['-original', 'styled'], data: false },
    layers: ['apple', 'apple – Ink'],
  });
});

test('each result is one step of undo of its own', () => {
  const seen = sandbox.run(async (world) => {
    const sources = ['a', 'b'].map((name) => world.add('RECTANGLE', { name }));
    world.file.history.commit();
    await world.open();
    for (const source of sources) await world.restyle(source);
    const names = [world.names(world.page)];
    for (let step = 0; step < 2; step++) {
      world.file.history.undo();
      names.push(world.names(world.page));
    }
    return names;
  });
  expect(seen).toEqual([
    ['a', 'a – Ink', 'b', 'b – Ink'],
    ['a', 'a – Ink', 'b'],
    ['a', 'b'],
  ]);
});

test('at strength 0 the styled picture is the original, and can be told apart again after', () => {
  const { result } = withResult();
  const seen = sandbox.run(async (world, id) => {
    const parameters = world.parameters();
    const { original } = await world.call('openResult', { id });
    await world.call('updateResult', { id, styled: original!, parameters, final: true });
    const zero = world.pictures(id);
    const bytes = (await world.call('openResult', { id })).styled.join() === original!.join();
    await world.call('updateResult', { id, styled: world.png(8, 8, 'again'), parameters, final: true });
    return { zero, bytes, again: world.pictures(id) };
  }, result);
  expect(seen).toEqual({ zero: ['-original', 'original'], bytes: true, again: ['-original', 'again'] });
});

test('fills the user added, and the way a picture is shown, stay; an original that was removed comes back', () => {
  const { result } = withResult();
  const seen = sandbox.run(async (world, id) => {
    const parameters = world.parameters();
    const [original, styled] = world.node(id).fills;
    const solid = { type: 'SOLID', color: { r: 1, g: 0, b: 0 } } as const;
    world.file.scene.patch(id, { fills: [solid, original!, { ...styled!, opacity: 0.5 }, solid] });
    await world.call('updateResult', { id, styled: world.png(8, 8, 'one'), parameters, final: true });
    const kept = [world.pictures(id), world.node(id).fills[2]!.opacity];
    world.file.scene.patch(id, { fills: [world.node(id).fills[2]!] });
    const opened = world.tag((await world.call('openResult', { id })).original);
    await world.call('updateResult', { id, styled: world.png(8, 8, 'two'), parameters, final: true });
    const back = world.pictures(id);
    const { original: bytes } = await world.call('openResult', { id });
    await world.call('updateResult', { id, styled: bytes!, parameters, final: true });
    world.file.scene.patch(id, { fills: world.node(id).fills.slice(1) });
    await world.call('updateResult', { id, styled: world.png(8, 8, 'three'), parameters, final: true });
    return { kept, opened, back, atZero: world.pictures(id) };
  }, result);
  expect(seen).toEqual({
    kept: [['SOLID', '-original', 'one', 'SOLID'], 0.5],
    opened: 'original',
    back: ['-original', 'two'],
    atZero: ['-original', 'three'],
  });
});

test('the name follows the styles until the user gives another', () => {
  const { result } = withResult();
  const seen = sandbox.run(async (world, id) => {
    const update = (...names: string[]) => {
      const styles = names.map((name) => ({ id: name, name, strength: 1 }));
      const parameters = world.parameters({ styles });
      return world.call('updateResult', { id, styled: world.png(8, 8), parameters, final: true });
    };
    await update('Ink', 'Gold');
    const first = world.node(id).name;
    world.file.scene.patch(id, { name: 'Hero' });
    await update('Chalk');
    return [first, world.node(id).name];
  }, result);
  expect(seen).toEqual(['apple – Ink + Gold', 'Hero']);
});

test('made anew, a result takes the new original and covers its source where that is now', () => {
  const { source, result } = withResult();
  const seen = sandbox.run(
    async (world, source, id) => {
      const parameters = world.parameters({ sourceId: source });
      const picture = (tag: string) => world.png(8, 8, tag);
      world.file.scene.patch(source, {
        transform: [
          [1, 0, 500],
          [0, 1, 5],
        ],
        width: 300,
      });
      const remake = (n: string) =>
        world.call('updateResult', {
          id,
          styled: picture(`s${n}`),
          original: picture(`o${n}`),
          parameters,
          final: true,
        });
      await remake('1');
      const moved = [world.file.scene.bounds(id), world.pictures(id)];
      world.file.scene.remove(source);
      await remake('2');
      return { moved, gone: [world.file.scene.bounds(id), world.pictures(id)] };
    },
    source,
    result,
  );
  const box = { x: 500, y: 5, width: 300, height: 60 };
  expect(seen).toEqual({ moved: [box, ['-o1', 's1']], gone: [box, ['-o2', 's2']] });
});

test('another window, and another session, can go on from a result', () => {
  const { result } = withResult();
  const seen = sandbox.run(async (world, id) => {
    world.plugin.close();
    await world.open('tune');
    const { parameters } = await world.call('openResult', { id });
    return parameters.styles;
  }, result);
  expect(seen).toEqual([{ id: 'ink', name: 'Ink', strength: 1 }]);
});

describe('what cannot be done leaves everything as it was', () => {
  /** The error of an insertion into a document with one source, and what the page holds after. */
  function failing(change: 'source gone' | 'bad picture' | 'too large' | 'long prompt') {
    return sandbox.run(async (world, change) => {
      const source = world.add('RECTANGLE', { name: 'apple' });
      await world.open();
      const before = world.file.history.undoable;
      if (change === 'source gone') world.file.scene.remove(source);
      const { name, message } = await world.refusal('insertResult', {
        sourceId: source,
        original: world.png(8, 8),
        styled: change === 'bad picture' ? new Uint8Array(9) : world.png(change === 'too large' ? 5000 : 8, 8, 's'),
        parameters: world.parameters({ prompt: change === 'long prompt' ? 'x'.repeat(40_000) : 'x' }),
      });
      return {
        error: `${name}: ${message}`,
        layers: world.names(world.page),
        steps: world.file.history.undoable - before,
      };
    }, change);
  }

  test.each([
    ['source gone', [], /^NodeGoneError: This layer is no longer in the document\.$/],
    ['bad picture', ['apple'], /^InputError: Figma does not take this picture: .*unsupported/],
    ['too large', ['apple'], /^InputError: Figma does not take this picture: .*too large/],
    ['long prompt', ['apple'], /^InputError: The prompt is too long to be kept with the layer: use less than 30000/],
  ] as const)('%s', (change, layers, error) => {
    const seen = failing(change);
    expect(seen.error).toMatch(error);
    expect(seen.layers).toEqual(layers);
    expect(seen.steps).toBe(0);
  });

  test('opening or changing what is no result, or is gone', () => {
    const seen = sandbox.run(async (world) => {
      const plain = world.add('RECTANGLE', { name: 'plain' });
      const newer = world.add('RECTANGLE', { name: 'newer', pluginData: { result: '{"version":2}' } });
      const broken = world.add('RECTANGLE', { name: 'broken', pluginData: { result: '{' } });
      await world.open();
      const errors: string[] = [];
      for (const id of [plain, newer, broken, world.page, '9:99']) {
        errors.push((await world.refusal('openResult', { id })).message);
        const update = { id, styled: world.png(8, 8), parameters: world.parameters(), final: true };
        errors.push((await world.refusal('updateResult', update)).message);
      }
      return [...new Set(errors)];
    });
    expect(seen).toEqual([
      '“plain” was not made by Diptych, or by a newer version of it.',
      '“newer” was not made by Diptych, or by a newer version of it.',
      '“broken” was not made by Diptych, or by a newer version of it.',
      '“Page 1” is a page: choose layers on it.',
      'This layer is no longer in the document.',
    ]);
  });

  test('a result without its pictures', () => {
    const { result } = withResult();
    const seen = sandbox.run(async (world, id) => {
      world.file.scene.patch(id, { fills: [] });
      return world.refusal('openResult', { id });
    }, result);
    expect(seen).toEqual({
      name: 'InputError',
      message: 'This result has lost its picture. Restyle its source again.',
    });
  });
});
