import { DEFAULT_LEARN_SETTINGS } from '../../ui/state/pair';
import { SandboxError } from '../../ui/bridge';
import type { LearningState } from '../../ui/state/learning';
import { openDesk, until, type Desk } from './desk';
import { PAIR_MODEL } from './fake-engine';
import { node } from './fake-sandbox';

const roles = { before: node('a'), after: node('b'), sample: null };
const settings = { ...DEFAULT_LEARN_SETTINGS, steps: 20, contentSteps: 10, sampleEvery: 6 };
const request = { roles, prompt: 'bear', style: 'Ink ', settings, force: false };

async function learnDesk(prepare?: (desk: Pick<Desk, 'sandbox' | 'engine'>) => void): Promise<Desk> {
  return openDesk({
    prepare: ({ sandbox, engine, models: _ }) => {
      for (const id of ['a', 'b', 'c']) sandbox.layers.set(id, new Uint8Array([id.charCodeAt(0)]));
      prepare?.({ sandbox, engine });
    },
  });
}

const stateOf = ({ app }: Desk): LearningState => app.learning.state.value;
const at = (desk: Desk, where: LearningState['at']): Promise<void> =>
  until(
    () => stateOf(desk).at === where,
    () => stateOf(desk),
  );

test('a run goes through its states and ends in the library', async () => {
  const desk = await learnDesk();
  const seen: string[] = [];
  desk.app.learning.state.subscribe(({ at: where }) => {
    if (seen.at(-1) !== where) seen.push(where);
  });
  let midway: LearningState | undefined;
  desk.engine.onStep = (step) => {
    if (step === 19) midway = stateOf(desk);
  };
  await desk.app.learning.start({ ...request, roles: { ...roles, sample: node('c') } });
  expect(seen).toEqual(['idle', 'preparing', 'learning', 'saving', 'done']);
  expect(midway).toMatchObject({ step: 19, steps: 30, name: 'Ink', sample: new Uint8Array([99]) });
  expect(midway?.at === 'learning' && midway.losses).toHaveLength(19);
  expect(midway?.at === 'learning' && midway.secondsLeft).toBeGreaterThan(0);
  const done = stateOf(desk);
  expect(done).toMatchObject({
    entry: { name: 'Ink', prompt: 'bear', steps: 30, thumbnail: new Uint8Array([97, 98]) },
  });
  expect(desk.app.library.styles.value).toHaveLength(1);
  expect(desk.sandbox.styles.size).toBe(1);
  expect(desk.sandbox.draft).toBeNull();
  expect(desk.sandbox.calls('markPair')).toEqual([{ beforeId: 'a', afterId: 'b' }]);
});

test('a pair is kept as a style without learning, and used by the model that reads pairs', async () => {
  const desk = await learnDesk();
  const { learning, library, choice, queue } = desk.app;
  const seen: string[] = [];
  learning.state.subscribe(({ at: where }) => void seen.push(where));
  await learning.keepPair({ roles, style: ' Sign ', force: false });
  expect(seen).toEqual(['idle', 'saving', 'saving', 'done']);
  expect(stateOf(desk)).toMatchObject({ entry: { name: 'Sign', kind: 'pair', model: PAIR_MODEL, steps: 0 } });
  expect(desk.engine.learned).toEqual([]);
  const [pair] = library.styles.value;
  expect(desk.sandbox.styles.get(pair!.id)).toMatchObject({ listed: { kind: 'pair' } });
  expect(desk.sandbox.calls('markPair')).toEqual([{ beforeId: 'a', afterId: 'b' }]);

  // A learned style beside it: they cannot be blended, so the one takes the other's place.
  learning.dismiss();
  await learning.start(request);
  const [learned] = library.styles.value;
  choice.only(learned!.id);
  choice.toggle(pair!.id);
  expect(choice.chosen.value.map(({ id }) => id)).toEqual([pair!.id]);
  expect(library.fits(pair!)).toBe(true);
  await until(() => learning.state.value.at === 'done');

  const opened = desk.engine.opened;
  queue.add([node('c')], { styles: choice.chosen.value, prompt: '', guide: 'style', steps: 2, seed: 0 });
  await until(() => queue.count.value.done === 1);
  expect(desk.sandbox.calls('insertResult')).toMatchObject([{ parameters: { model: PAIR_MODEL } }]);
  expect(desk.engine.opened).toBe(opened);
});

test('pausing keeps the checkpoint, and learning goes on from it after the plugin was closed', async () => {
  const desk = await learnDesk();
  desk.engine.onStep = (step) => void (step === 13 && desk.app.learning.pause());
  await desk.app.learning.start(request);
  expect(stateOf(desk)).toMatchObject({ at: 'paused', kept: true, draft: { done: 13, name: 'Ink' } });
  expect(desk.sandbox.draft).toMatchObject({ done: 13, before: new Uint8Array([97]) });

  // Opened again, with the layers of the pair gone.
  const { draft } = desk.sandbox;
  const later = await openDesk({ prepare: ({ sandbox }) => void (sandbox.draft = draft) });
  expect(stateOf(later)).toMatchObject({ at: 'paused', draft: { done: 13 } });
  await later.app.learning.resume();
  expect(stateOf(later)).toMatchObject({ at: 'done', entry: { name: 'Ink' } });
  expect(later.engine.learned[0]).toMatchObject({ style: 'Ink', prompt: 'bear', seed: 0, force: true });
  expect(later.engine.learned[0]!.resume).toHaveLength(13);
  expect(later.sandbox.draft).toBeNull();
});

test('cancelling throws the checkpoint away', async () => {
  const desk = await learnDesk();
  desk.engine.onStep = (step) => void (step === 13 && desk.app.learning.cancel());
  await desk.app.learning.start(request);
  expect(stateOf(desk).at).toBe('idle');
  expect(desk.sandbox.draft).toBeNull();
  expect(desk.sandbox.styles.size).toBe(0);
});

test('cancelling while the model is still opening ends at once', async () => {
  const desk = await learnDesk();
  desk.app.services.model.ready = () => new Promise(() => undefined);
  const started = desk.app.learning.start(request);
  expect(stateOf(desk).at).toBe('preparing');
  desk.app.learning.cancel();
  await started;
  expect(stateOf(desk).at).toBe('idle');
});

test('cancelling a resumed run before its first step leaves what was paused', async () => {
  const desk = await learnDesk();
  desk.engine.onStep = (step) => void (step === 13 && desk.app.learning.pause());
  await desk.app.learning.start(request);
  const resumed = desk.app.learning.resume();
  desk.app.learning.cancel();
  await resumed;
  expect(stateOf(desk)).toMatchObject({ at: 'paused', draft: { done: 13 } });
  expect(desk.sandbox.draft).toMatchObject({ done: 13 });
});

test('a crash in the middle costs no more than the steps since the checkpoint that was kept', async () => {
  const desk = await learnDesk();
  desk.engine.onStep = (step) => {
    if (step === 17) throw new Error('the device was lost');
  };
  await desk.app.learning.start(request);
  expect(stateOf(desk)).toMatchObject({ at: 'failed', message: 'The device was lost', draft: { done: 15 } });
  expect(desk.sandbox.draft!.done).toBeGreaterThanOrEqual(5);
  desk.engine.onStep = undefined;
  await desk.app.learning.resume();
  expect(stateOf(desk).at).toBe('done');
  expect(desk.engine.learned[1]!.resume).toHaveLength(15);
});

test('steps learned again by a restarted engine replace their losses', async () => {
  const desk = await learnDesk();
  desk.engine.learn = async (_job, hooks) => {
    const report = (step: number, content: number): void =>
      hooks?.onProgress?.({ phase: 'learn', step, steps: 30, loss: { step, content, style: null } });
    for (const step of [1, 2, 3, 4]) report(step, 1);
    for (const step of [3, 4, 5]) report(step, 2);
    expect(stateOf(desk)).toMatchObject({
      losses: [1, 2, 3, 4, 5].map((step) => ({ step, content: step < 3 ? 1 : 2, style: null })),
    });
    throw new Error('enough');
  };
  await desk.app.learning.start(request);
  expect(stateOf(desk)).toMatchObject({ at: 'failed', message: 'Enough' });
});

test('no room for checkpoints is said once, and learning goes on', async () => {
  const desk = await learnDesk(({ sandbox }) => {
    sandbox.before = (call) => {
      if (call === 'putDraft') throw new SandboxError('QuotaError', 'there is no room');
    };
  });
  const complaints = (): string[] =>
    desk.app.services.notices.list.value.map(({ text }) => text).filter((text) => text.includes('There is no room'));
  desk.engine.onStep = (step) => {
    if (step < 18) return;
    expect(complaints()).toHaveLength(1);
    desk.app.learning.pause();
  };
  await desk.app.learning.start(request);
  expect(stateOf(desk)).toMatchObject({ at: 'paused', kept: false, draft: { done: 18 } });
  expect(desk.app.learning.unkept).toBe(true);
  expect(complaints()).toHaveLength(0);
  desk.engine.onStep = undefined;
  await desk.app.learning.resume();
  expect(stateOf(desk).at).toBe('done');
});

test('a style that fits nowhere is not lost', async () => {
  const desk = await learnDesk(({ sandbox }) => void (sandbox.quota = 3));
  await desk.app.learning.start(request);
  const state = stateOf(desk);
  expect(state).toMatchObject({ at: 'unsaved', message: expect.stringContaining('more than is left') });
  desk.app.learning.exportUnsaved();
  expect(desk.saved).toEqual([{ name: 'Ink.safetensors', content: state.at === 'unsaved' && state.file }]);
  await desk.app.learning.keep('library');
  expect(stateOf(desk).at).toBe('unsaved');
  await desk.app.learning.keep('document');
  expect(stateOf(desk).at).toBe('done');
  expect(desk.app.library.styles.value).toMatchObject([{ name: 'Ink', inDocument: true, inLibrary: false }]);
});

test('the checkpoint gives up its room for the finished style', async () => {
  const desk = await learnDesk(({ sandbox }) => void (sandbox.quota = 30));
  let saved: unknown;
  desk.engine.onStep = async (step) => {
    if (step !== 28) return;
    saved = desk.sandbox.draft;
    // The checkpoint of 28 bytes leaves no room for the style's 5.
    await desk.sandbox.call('putDraft', { draft: { ...desk.sandbox.draft!, checkpoint: new Uint8Array(28) } });
  };
  await desk.app.learning.start(request);
  expect(saved).toMatchObject({ name: 'Ink', before: new Uint8Array([97]) });
  expect(stateOf(desk).at).toBe('done');
  expect(desk.sandbox.draft).toBeNull();
});

test('a draft of another base model is not resumed, and kept', async () => {
  const desk = await learnDesk();
  desk.engine.onStep = (step) => void (step === 13 && desk.app.learning.pause());
  await desk.app.learning.start(request);
  const draft = { ...desk.sandbox.draft!, model: { name: 'sd-turbo', fingerprint: 'beef' } };
  const later = await openDesk({ prepare: ({ sandbox }) => void (sandbox.draft = draft) });
  await later.app.learning.resume();
  expect(stateOf(later)).toMatchObject({
    at: 'failed',
    message: expect.stringMatching(/begun on the model sd-turbo/),
    draft,
  });
  expect(later.sandbox.draft).toEqual(draft);
});

test('the draft of another window on the file is left alone', async () => {
  const desk = await learnDesk();
  const other = { ...request, name: 'Theirs' } as never;
  desk.engine.onStep = (step) => {
    if (step === 2) {
      desk.sandbox.draft = other;
      desk.app.learning.cancel();
    }
  };
  await desk.app.learning.start(request);
  expect(stateOf(desk).at).toBe('idle');
  expect(desk.sandbox.draft).toBe(other);
});

test('a second run does not start over one that runs or waits', async () => {
  const desk = await learnDesk();
  desk.engine.onStep = (step) => {
    if (step === 5) void desk.app.learning.start({ ...request, style: 'Other' });
    if (step === 13) desk.app.learning.pause();
  };
  await desk.app.learning.start(request);
  await desk.app.learning.start({ ...request, style: 'Other' });
  expect(stateOf(desk)).toMatchObject({ at: 'paused', draft: { name: 'Ink' } });
  expect(desk.engine.learned).toHaveLength(1);
  await desk.app.learning.discard();
  expect(stateOf(desk).at).toBe('idle');
  expect(desk.sandbox.draft).toBeNull();
});

test('a layer deleted before learning began is said', async () => {
  const desk = await learnDesk(({ sandbox }) => void sandbox.layers.delete('b'));
  await desk.app.learning.start(request);
  await at(desk, 'failed');
  expect(stateOf(desk)).toMatchObject({ name: 'Ink', message: 'The layer was deleted', draft: null });
});
