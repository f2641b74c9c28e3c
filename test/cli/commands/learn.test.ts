/** `diptych learn`: what the engine is asked, the files it leaves, cancelling and going on. The engine is a stand-in here. */
import { existsSync, mkdirSync, promises, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { quote } from '../../../cli/command-line';
import { CancelledError, InputError } from '../../../engine/errors';
import type { LearnRequest } from '../../../engine/requests';
import { BLUE, drawing, PALE, RED, TINY_MODEL } from '../../support/tiny-engine';
import { standIn, writePair } from '../desk';
import { MODEL, newDesk } from './desks';

describe('learn', () => {
  const result = { style: Uint8Array.of(7, 7), losses: [{ step: 1, content: 1, style: null }], steps: 1, seconds: 2 };

  test('hands the engine what was asked and writes the style', async () => {
    const asked: LearnRequest[] = [];
    const d = newDesk(standIn({ learn: async (request) => (asked.push(request), result) }));
    const [before, after] = await writePair(d);
    const output = d.at('new/ink.safetensors');
    const options = '--prompt cat --steps 30 --content-steps 5 --rank 8 --lr 0.001 --seed 3 --mode paper'.split(' ');
    const { code, out } = await d.run('learn', before, after, '-o', output, ...options, ...MODEL, '--json');
    expect(code).toBe(0);
    expect(asked[0]).toMatchObject({
      prompt: 'cat',
      style: 'ink',
      steps: 30,
      contentSteps: 5,
      rank: 8,
      learningRate: 0.001,
      seed: 3,
      mode: 'paper',
    });
    expect(asked[0]!.before).toEqual(drawing(48, 48, RED, PALE));
    expect(asked[0]!.after).toEqual(drawing(48, 48, BLUE, PALE));
    expect(asked[0]).not.toHaveProperty('resume');
    expect([...readFileSync(output)]).toEqual([7, 7]);
    expect(JSON.parse(out)).toMatchObject({ output, style: 'ink', steps: 1, losses: result.losses });
  });

  test('options that are not given are left to the engine', async () => {
    const asked: LearnRequest[] = [];
    const d = newDesk(standIn({ learn: async (request) => (asked.push(request), result) }));
    await d.run('learn', ...(await writePair(d)), '-o', d.at('s.safetensors'), ...MODEL);
    expect(Object.keys(asked[0]!).sort()).toEqual([
      'after',
      'before',
      'checkpointEvery',
      'checkpointSeconds',
      'prompt',
      'style',
    ]);
  });

  test('a pair that is none is refused before the model is opened', async () => {
    const d = newDesk();
    const [before] = await writePair(d);
    const { code, err } = await d.run('learn', before, before, '-o', d.at('s.safetensors'), ...MODEL);
    expect(code).toBe(2);
    expect(err).toContain('The two images are the same');
    expect(readdirSync(d.folder).sort()).toEqual(['after.png', 'before.png']);
  });

  test('cancelling after work saves a checkpoint, says how to go on, and --resume does', async () => {
    const asked: LearnRequest[] = [];
    const d = newDesk(
      standIn({
        async learn(request, hooks) {
          asked.push(request);
          if (request.resume) return result;
          hooks?.onProgress?.({ phase: 'learn', step: 4, steps: 9, checkpoint: Uint8Array.of(1, 2, 3) });
          throw new CancelledError('cancelled after 4 of 9 steps');
        },
      }),
    );
    const pair = await writePair(d);
    const output = d.at("a b's.safetensors");
    const first = await d.run('learn', ...pair, '-o', output, ...MODEL);
    expect(first.code).toBe(130);
    expect([...readFileSync(`${output}.checkpoint`)]).toEqual([1, 2, 3]);
    expect(existsSync(output)).toBe(false);
    expect(first.err).toContain('cancelled after 4 of 9 steps; saved in');
    expect(first.err).toContain(
      `diptych learn ${pair[0]} ${pair[1]} -o ${quote(output)} --model ${TINY_MODEL} --resume`,
    );

    const second = await d.run('learn', ...pair, '-o', output, ...MODEL, '--resume');
    expect(second.code).toBe(0);
    expect([...asked[1]!.resume!]).toEqual([1, 2, 3]);
    expect(readdirSync(d.folder).sort()).toEqual(["a b's.safetensors", 'after.png', 'before.png']);
  });

  test('cancelling before any step leaves nothing', async () => {
    const d = newDesk(standIn({ learn: () => Promise.reject(new CancelledError()) }));
    const { code, err } = await d.run('learn', ...(await writePair(d)), '-o', d.at('s.safetensors'), ...MODEL);
    expect(code).toBe(130);
    expect(err).toContain('nothing was learned yet');
    expect(readdirSync(d.folder).sort()).toEqual(['after.png', 'before.png']);
  });

  test('the checkpoint of a run that diverged is of no use and is removed', async () => {
    const d = newDesk(
      standIn({
        async learn(_, hooks) {
          hooks?.onProgress?.({ phase: 'learn', step: 4, steps: 9, checkpoint: Uint8Array.of(1) });
          throw new InputError('learning diverged');
        },
      }),
    );
    const { code } = await d.run('learn', ...(await writePair(d)), '-o', d.at('s.safetensors'), ...MODEL);
    expect(code).toBe(2);
    expect(readdirSync(d.folder).sort()).toEqual(['after.png', 'before.png']);
  });

  test('neither a style nor a checkpoint that is there is replaced unasked', async () => {
    const d = newDesk(standIn({ learn: async () => result }));
    const pair = await writePair(d);
    const output = d.at('s.safetensors');
    writeFileSync(output, 'mine');
    const argv = ['learn', ...pair, '-o', output, ...MODEL];
    const style = await d.run(...argv);
    expect([style.code, style.err]).toEqual([
      2,
      `diptych: ${output} is already there; choose another -o, or replace it with --overwrite\n`,
    ]);
    rmSync(output);
    writeFileSync(`${output}.checkpoint`, 'mine');
    const checkpoint = await d.run(...argv);
    expect(checkpoint.code).toBe(2);
    expect(checkpoint.err).toContain('an unfinished run is kept there; go on with --resume');
    expect(readFileSync(`${output}.checkpoint`, 'utf8')).toBe('mine');
    expect((await d.run(...argv, '--overwrite')).code).toBe(0);
    expect(readdirSync(d.folder).sort()).toEqual(['after.png', 'before.png', 's.safetensors']);
  });

  test('a checkpoint that cannot be written costs a warning, not the style', async () => {
    const d = newDesk(
      standIn({
        async learn(_, hooks) {
          for (let step = 1; step <= 3; step++) {
            hooks?.onProgress?.({ phase: 'learn', step, steps: 9, checkpoint: Uint8Array.of(step) });
            await new Promise((resolve) => setTimeout(resolve, 30));
          }
          return result;
        },
      }),
    );
    const output = d.at('s.safetensors');
    // Neither a file nor a checkpoint: a folder that the command is told to replace.
    mkdirSync(`${output}.checkpoint/x`, { recursive: true });
    const { code, err } = await d.run('learn', ...(await writePair(d)), '-o', output, '--overwrite', ...MODEL);
    expect(code).toBe(0);
    expect(err.match(/^warning: [^\n]*checkpoint: cannot be written [^\n]*$/gm)).toHaveLength(1);
    expect([...readFileSync(output)]).toEqual([7, 7]);
  });

  test('a checkpoint that fills the disk makes room for the style', async () => {
    let output = '';
    const d = newDesk(
      standIn({
        async learn(_, hooks) {
          hooks?.onProgress?.({ phase: 'learn', step: 4, steps: 9, checkpoint: Uint8Array.of(1, 2, 3) });
          while (!existsSync(`${output}.checkpoint`)) await new Promise((wake) => setTimeout(wake, 5));
          return result;
        },
      }),
    );
    output = d.at('s.safetensors');
    const pair = await writePair(d);
    const write = promises.writeFile;
    const places: string[] = [];
    const full = jest.spyOn(promises, 'writeFile').mockImplementation((path, bytes, options) => {
      if (bytes !== result.style) return write(path, bytes, options);
      places.push(dirname(path as string));
      if (places.at(-1) !== d.folder || !existsSync(`${output}.checkpoint`)) return write(path, bytes, options);
      return Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }));
    });
    try {
      const { code, err } = await d.run('learn', ...pair, '-o', output, ...MODEL);
      expect([code, err]).toEqual([0, expect.stringMatching(/learned in 2 s\n$/)]);
    } finally {
      full.mockRestore();
    }
    // Refused, kept elsewhere, and written; what was kept meanwhile is gone.
    expect(places).toEqual([d.folder, expect.any(String), d.folder]);
    expect([places[1] !== d.folder, existsSync(places[1]!)]).toEqual([true, false]);
    expect(readdirSync(d.folder).sort()).toEqual(['after.png', 'before.png', 's.safetensors']);
    expect([...readFileSync(output)]).toEqual([7, 7]);
  });

  test('pairs beside the first, the names of tensors and a pair learned by force reach the engine', async () => {
    const asked: LearnRequest[] = [];
    const d = newDesk(standIn({ learn: async (request) => (asked.push(request), result) }));
    const [before, after] = await writePair(d);
    const output = d.at('s.safetensors');
    const argv = ['learn', before, before, '-o', output, '--pair', before, after, '--style', 'ink', '--size', '64'];
    const { code, err } = await d.run(...argv, '--keys', 'kohya', '--force', ...MODEL);
    expect(code).toBe(0);
    expect(err).toMatch(/^note: The two images are the same[^\n]*\n/);
    expect(err).toMatch(/learned in 2 s\n$/);
    expect(asked[0]).toMatchObject({ style: 'ink', size: 64, force: true, file: { keys: 'kohya' } });
    expect(asked[0]!.morePairs).toHaveLength(1);
    expect(asked[0]!.morePairs![0]!.after).toEqual(drawing(48, 48, BLUE, PALE));
  });

  test('none of the pairs is written over', async () => {
    const d = newDesk();
    const [before, after] = await writePair(d);
    renameSync(after, d.at('after.safetensors'));
    const argv = ['learn', before, before, '--pair', before, d.at('after.safetensors'), '--overwrite', ...MODEL];
    const { code, err } = await d.run(...argv, '-o', d.at('after.safetensors'));
    expect([code, err]).toEqual([2, expect.stringContaining('would overwrite the input')]);
  });

  test('cancelled with its folder gone: the checkpoint is kept, and said where and where it belongs', async () => {
    const d = newDesk(
      standIn({
        async learn(_, hooks) {
          rmSync(d.at('out'), { recursive: true });
          hooks?.onProgress?.({ phase: 'learn', step: 4, steps: 9, checkpoint: Uint8Array.of(1, 2, 3) });
          throw new CancelledError('cancelled after 4 of 9 steps');
        },
      }),
    );
    const output = d.at('out/s.safetensors');
    const { code, out, err } = await d.run('learn', ...(await writePair(d)), '-o', output, ...MODEL, '--json');
    expect(code).toBe(130);
    const { checkpoint, error } = JSON.parse(out) as { checkpoint: string; error: string };
    expect(error).toMatch(/^cancelled after 4 of 9 steps; saved in /);
    expect(error).toContain(`saved in ${checkpoint} (`);
    expect(error).toContain(`; move it to ${output}.checkpoint`);
    expect(err).toMatch(/\nTo go on:\n {2}diptych learn [^\n]* --resume\n$/);
    expect([...readFileSync(checkpoint)]).toEqual([1, 2, 3]);
    rmSync(dirname(checkpoint), { recursive: true });
  });

  test('--resume without a checkpoint is refused', async () => {
    const d = newDesk();
    const { code, err } = await d.run('learn', ...(await writePair(d)), '-o', d.at('s.safetensors'), '--resume');
    expect(code).toBe(2);
    expect(err).toContain('there is no checkpoint');
  });
});
