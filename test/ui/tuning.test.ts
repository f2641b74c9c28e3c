import type { NodeSummary, ResultParameters } from '../../common/messages';
import { SandboxError } from '../../ui/bridge';
import type { TuneSession } from '../../ui/state/tune-session';
import { gate, openDesk, until, type Desk } from './desk';
import { pictureOf } from './fake-engine';
import { node } from './fake-sandbox';

const ORIGINAL = new Uint8Array([1, 2]);
const STYLED = new Uint8Array([9]);
const ink = { id: 'ink', name: 'Ink', strength: 1 };
const neon = { id: 'neon', name: 'Neon', strength: 0.5 };

function parametersWith(...styles: (typeof ink)[]): ResultParameters {
  return {
    ...({ version: 1, kind: 'restyled', prompt: '', guide: 'style', steps: 20, seed: 0, sourceId: 's' } as const),
    ...{ styles, model: { name: 'tiny', fingerprint: 'f00d' } },
  };
}

interface TuneDesk extends Desk {
  readonly session: TuneSession;
  readonly result: (id?: string) => NodeSummary;
}

async function tuneDesk(parameters: ResultParameters = parametersWith(ink), original = ORIGINAL): Promise<TuneDesk> {
  const desk = await openDesk({
    prepare: ({ sandbox }) => {
      sandbox.addStyle('ink', 'Ink');
      sandbox.addStyle('neon', 'Neon');
      for (const id of ['r', 'other']) {
        sandbox.results.set(id, {
          original: parameters.kind === 'imagined' ? null : original,
          styled: STYLED,
          parameters,
        });
      }
    },
  });
  const result = (id = 'r'): NodeSummary => node(id, id, { result: desk.sandbox.results.get(id)!.parameters });
  desk.select(result());
  const session = desk.app.tuning.session.value!;
  await until(() => session.state.value.at === 'ready');
  return { ...desk, session, result };
}

const idle = (session: TuneSession): Promise<void> => until(() => !session.busy);
const written = ({ sandbox }: Desk) => sandbox.calls('updateResult');

test('only a result that is selected alone is tuned', async () => {
  const desk = await tuneDesk();
  desk.select(desk.result(), node('n'));
  expect(desk.app.tuning.session.value).toBeNull();
  desk.select(node('n'));
  expect(desk.app.tuning.session.value).toBeNull();
  desk.select(desk.result('other'));
  expect(desk.app.tuning.session.value?.id).toBe('other');
});

test('release makes one change at full quality, and no second layer', async () => {
  const desk = await tuneDesk();
  await desk.session.release(0, 0.8);
  expect(written(desk)).toHaveLength(1);
  expect(written(desk)[0]).toMatchObject({ id: 'r', final: true, styled: pictureOf(ORIGINAL, [0.8]) });
  expect(desk.sandbox.results.get('r')!.parameters.styles).toEqual([{ ...ink, strength: 0.8 }]);
  expect(desk.sandbox.results.size).toBe(2);
  await desk.session.release(0, 0.8);
  expect(written(desk)).toHaveLength(1);
});

test('strength 0 shows the original bytes, without the engine', async () => {
  const desk = await tuneDesk(parametersWith(ink, neon));
  await desk.session.release(0, 0);
  await desk.session.release(1, 0);
  expect(desk.sandbox.results.get('r')!.styled).toBe(ORIGINAL);
  expect(desk.engine.restyled).toHaveLength(1);
});

test('dragging shows instant pictures, the newest of them last, and commits none', async () => {
  const desk = await tuneDesk();
  const hold = gate();
  desk.engine.onPreview = () => hold.passed;
  for (let percent = 1; percent <= 100; percent++) desk.session.drag(0, percent / 100);
  hold.open();
  await until(() => written(desk).at(-1)?.styled.at(-2) === 100);
  // The hundred moves while the first picture was made come down to the last one.
  expect(written(desk).length).toBeLessThan(4);
  expect(written(desk).every(({ final }) => !final)).toBe(true);
  expect(desk.session.previewing.value).toBe(true);
  expect(desk.sandbox.results.get('r')!.parameters.styles).toEqual([ink]);
});

test('a full picture that is overtaken by a newer wish is not written', async () => {
  const desk = await tuneDesk();
  const holds = [gate(), gate()];
  desk.engine.onRestyle = () => holds[desk.engine.restyled.length - 1]!.passed;
  const first = desk.session.release(0, 0.3);
  await until(() => desk.engine.restyled.length === 1);
  const second = desk.session.release(0, 0.6);
  await until(() => desk.engine.restyled.length === 2);
  holds[1]!.open();
  holds[0]!.open();
  await Promise.all([first, second]);
  expect(written(desk).map(({ parameters }) => parameters.styles[0]!.strength)).toEqual([0.6]);
});

test('no instant picture lands on top of the full one', async () => {
  const desk = await tuneDesk();
  const hold = gate();
  desk.engine.onPreview = () => hold.passed;
  desk.session.drag(0, 0.4);
  const released = desk.session.release(0, 0.5);
  await until(() => desk.engine.restyled.length === 1);
  hold.open();
  await released;
  await idle(desk.session);
  expect(written(desk).at(-1)).toMatchObject({ final: true, styled: pictureOf(ORIGINAL, [0.5]) });
});

test('writes keep their order although the sandbox answers slowly', async () => {
  const desk = await tuneDesk();
  const hold = gate();
  let held = true;
  desk.sandbox.before = async (call) => {
    if (call === 'updateResult' && held) {
      held = false;
      await hold.passed;
    }
  };
  desk.session.drag(0, 0.4);
  await until(() => written(desk).length === 1);
  const released = desk.session.release(0, 0);
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(written(desk)).toHaveLength(1);
  hold.open();
  await released;
  expect(desk.sandbox.results.get('r')!.styled).toBe(ORIGINAL);
});

test('back at the value it had: the full picture that was there comes back, nothing is made', async () => {
  const desk = await tuneDesk();
  desk.session.drag(0, 0.4);
  await until(() => written(desk).length === 1);
  await desk.session.release(0, 1);
  expect(desk.engine.restyled).toHaveLength(0);
  expect(desk.sandbox.results.get('r')!.styled).toBe(STYLED);
  expect(desk.session.busy).toBe(false);
});

test('Escape: back to what was there', async () => {
  const desk = await tuneDesk();
  desk.engine.onRestyle = () => new Promise(() => undefined);
  desk.session.drag(0, 0.4);
  await until(() => written(desk).length === 1);
  void desk.session.release(0, 0.4);
  await until(() => desk.engine.restyled.length === 1);
  await desk.session.cancel();
  expect(desk.sandbox.results.get('r')!.styled).toBe(STYLED);
  expect(desk.session.parameters.value.styles).toEqual([ink]);
  expect(desk.session.work.value).toBeNull();
});

test('turning to another layer brings what was begun to its end', async () => {
  const desk = await tuneDesk();
  desk.session.drag(0, 0.4);
  desk.select(desk.result('other'));
  await until(() => written(desk).some(({ id, final }) => id === 'r' && final));
  expect(desk.sandbox.results.get('r')!.parameters.styles[0]!.strength).toBe(0.4);
  await until(() => desk.engine.livePreviews === 0);
});

test('coming back while it is still made finds the same session', async () => {
  const desk = await tuneDesk();
  const hold = gate();
  desk.engine.onRestyle = () => hold.passed;
  const released = desk.session.release(0, 0.4);
  desk.select();
  desk.select(desk.result());
  expect(desk.app.tuning.session.value).toBe(desk.session);
  hold.open();
  await released;
  expect(desk.sandbox.results.get('r')!.parameters.styles[0]!.strength).toBe(0.4);
});

test('undo in the editor shows in the controls, our own change coming back does not', async () => {
  const desk = await tuneDesk();
  await desk.session.release(0, 0.4);
  const opened = (): number => desk.sandbox.calls('openResult').length;
  desk.select(desk.result());
  expect(opened()).toBe(1);
  const result = desk.sandbox.results.get('r')!;
  result.parameters = parametersWith(ink);
  result.styled = STYLED;
  desk.select(desk.result());
  await until(() => desk.session.state.value.at === 'ready');
  expect(opened()).toBe(2);
  expect(desk.session.parameters.value.styles).toEqual([ink]);
});

test('undo in the editor while the result is being opened anew shows as well', async () => {
  const desk = await tuneDesk(parametersWith({ ...ink, strength: 0.3 }));
  const call = desk.sandbox.call.bind(desk.sandbox) as (
    ...asked: Parameters<typeof desk.sandbox.call>
  ) => Promise<never>;
  let undone = false;
  desk.sandbox.call = async (...asked) => {
    const answer = { ...((await call(...asked)) as object) };
    if (asked[0] === 'openResult' && !undone) {
      undone = true;
      // The answer is on its way when the layer changes.
      Object.assign(desk.sandbox.results.get('r')!, { parameters: parametersWith(ink), styled: STYLED });
      desk.select(desk.result());
    }
    return answer as never;
  };
  await desk.session.reload();
  await until(() => desk.session.state.value.at === 'ready');
  expect(undone).toBe(true);
  expect(desk.session.parameters.value.styles).toEqual([ink]);
});

test('undo in the editor just before our change is confirmed shows as well', async () => {
  const desk = await tuneDesk();
  const call = desk.sandbox.call.bind(desk.sandbox) as (
    ...asked: Parameters<typeof desk.sandbox.call>
  ) => Promise<never>;
  desk.sandbox.call = async (...asked) => {
    const answer = await call(...asked);
    if (asked[0] === 'updateResult') {
      desk.select(desk.result());
      Object.assign(desk.sandbox.results.get('r')!, { parameters: parametersWith(ink), styled: STYLED });
      desk.select(desk.result());
    }
    return answer;
  };
  await desk.session.release(0, 0.4);
  await until(() => desk.session.state.value.at === 'ready' && !desk.session.busy);
  expect(desk.session.parameters.value.styles).toEqual([ink]);
});

test('another style, prompt, method and seed make it anew; two styles blend', async () => {
  const desk = await tuneDesk();
  await desk.session.change({ styles: [ink, neon] });
  expect(desk.sandbox.results.get('r')!.styled).toEqual(pictureOf(ORIGINAL, [1, 0.5]));
  await desk.session.change({ prompt: 'a bear', guide: 'sdedit', seed: 7 });
  expect(desk.engine.restyled.at(-1)).toMatchObject({ prompt: 'a bear', guide: 'sdedit', seed: 7 });
  expect(desk.sandbox.results.get('r')!.parameters).toMatchObject({ seed: 7, styles: [ink, neon] });
});

test('a style that is kept nowhere is named; strength 0 works all the same', async () => {
  const desk = await tuneDesk(parametersWith({ id: 'gone', name: 'Marker', strength: 1 }));
  expect(desk.session.missing.value).toEqual(['Marker']);
  await desk.session.release(0, 0.4);
  expect(desk.session.problem.value).toMatch(/kept nowhere/);
  await desk.session.release(0, 0);
  expect(desk.sandbox.results.get('r')!.styled).toBe(ORIGINAL);
  expect(desk.session.problem.value).toBeNull();
});

test('a failure leaves the layer as it was, and can be tried again', async () => {
  const desk = await tuneDesk();
  desk.engine.onRestyle = () => {
    throw new Error('the device ran out of memory');
  };
  await desk.session.release(0, 0.4);
  expect(desk.session.problem.value).toBe('The device ran out of memory');
  expect(written(desk)).toHaveLength(0);
  desk.engine.onRestyle = undefined;
  await desk.session.retry();
  expect(desk.sandbox.results.get('r')!.parameters.styles[0]!.strength).toBe(0.4);
  expect(desk.session.problem.value).toBeNull();
});

test('a layer deleted while it is made anew', async () => {
  const desk = await tuneDesk();
  desk.engine.onRestyle = () => void desk.sandbox.results.delete('r');
  await desk.session.release(0, 0.4);
  expect(desk.session.state.value).toEqual({ at: 'gone' });
});

test('a result that cannot be opened says why, and can be opened again', async () => {
  const desk = await tuneDesk();
  desk.sandbox.before = (call) => {
    if (call === 'openResult') throw new SandboxError('Error', 'the picture is not loaded yet');
  };
  desk.select(desk.result('other'));
  const session = desk.app.tuning.session.value!;
  await until(() => session.state.value.at === 'failed');
  expect(session.state.value).toEqual({ at: 'failed', message: 'The picture is not loaded yet' });
  desk.sandbox.before = undefined;
  await session.retry();
  expect(session.state.value.at).toBe('ready');
});

test('an imagined picture is imagined anew', async () => {
  const desk = await tuneDesk({ ...parametersWith(ink), kind: 'imagined', prompt: 'apple', sourceId: null });
  desk.session.drag(0, 0.4);
  await desk.session.release(0, 0.4);
  expect(written(desk)).toHaveLength(1);
  expect(written(desk)[0]).toMatchObject({ final: true, parameters: { kind: 'imagined', prompt: 'apple' } });
  expect(desk.engine.restyled).toHaveLength(0);
});

test('previews are given back', async () => {
  const desk = await tuneDesk();
  for (const strength of [0.2, 0.4, 0.6]) {
    desk.session.drag(0, strength);
    await until(() => desk.session.previewing.value);
    await desk.session.release(0, strength + 0.1);
  }
  desk.select();
  await until(
    () => desk.engine.livePreviews === 0,
    () => desk.engine.livePreviews,
  );
});
