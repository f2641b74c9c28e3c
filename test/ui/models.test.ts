import { InputError } from '../../engine/errors';
import { hubName } from '../../ui/state/models';
import { openDesk, until } from './desk';

test.each([
  ['stabilityai/sd-turbo', 'hub:stabilityai/sd-turbo'],
  [' hub:stabilityai/sd-turbo ', 'hub:stabilityai/sd-turbo'],
  ['https://huggingface.co/stabilityai/sd-turbo', 'hub:stabilityai/sd-turbo'],
  ['huggingface.co/org/name/', 'hub:org/name'],
  ['https://huggingface.co/org/name/tree/fp16', 'hub:org/name@fp16'],
  ['org/name@v1.0', 'hub:org/name@v1.0'],
  ['sd-turbo', null],
  ['', null],
  ['a b/c', null],
  ['https://example.com/a/b', null],
])('the model meant by %j', (typed, name) => {
  expect(hubName(typed)).toBe(name);
});

test('nothing is asked of the network before the user does, not even for the model of the last session', async () => {
  const { app, models } = await openDesk({ settings: { panel: 'hosted', model: 'hub:org/name' } });
  await until(() => app.services.engine.status.value.state === 'ready');
  expect(models.asked).toEqual([]);
  expect(app.services.model.chosen.value).toBe('embedded');
  expect(app.services.notices.list.value[0]!.text).toMatch(/^hub:org\/name is not on this computer any more/);
});

test('a model that is here is opened again', async () => {
  const { app, models } = await openDesk({
    settings: { panel: 'hosted', model: 'hub:org/name' },
    prepare: ({ models: { stored } }) => stored.push({ name: 'hub:org/name', bytes: 9, have: 9 }),
  });
  await until(() => app.services.engine.status.value.state === 'ready');
  expect(app.services.model.chosen.value).toBe('hub:org/name');
  expect(models.asked).toEqual([]);
});

test('size first, then the download, then it is used and remembered', async () => {
  const { app, sandbox } = await openDesk();
  await app.models.look('org/name');
  expect(app.models.download.value).toMatchObject({ at: 'offered', facts: { bytes: 1000, have: 0 } });
  expect(app.services.model.chosen.value).toBe('embedded');
  await app.models.fetch();
  expect(app.models.download.value.at).toBe('none');
  expect(app.services.model.chosen.value).toBe('hub:org/name');
  expect(sandbox.settings.model).toBe('hub:org/name');
});

test('what work on a model takes is told before it is downloaded, and why it cannot be used', async () => {
  const { app, engine } = await openDesk();
  await app.models.look('org/name');
  await until(() => app.models.needs.value.has('hub:org/name'));
  expect(app.models.needs.value.get('hub:org/name')).toEqual({ learn: 2000, restyle: 1500 });
  engine.needed = new InputError('hub:org/other: the UNet takes 9 channels; choose a text-to-image model');
  await app.models.look('org/other');
  await until(() => app.models.needs.value.has('hub:org/other'));
  expect(app.models.needs.value.get('hub:org/other')).toMatchObject({
    problem: expect.stringMatching(/takes 9 channels/),
  });
});

test('a stopped download keeps what it has and goes on', async () => {
  const { app, models } = await openDesk();
  models.onFetch = () => app.models.cancel();
  await app.models.look('org/name');
  await app.models.fetch();
  expect(app.models.download.value).toMatchObject({ at: 'stopped', have: 400 });
  expect(app.models.list.value).toMatchObject([{ have: 400 }]);
  models.onFetch = undefined;
  await app.models.fetch();
  expect(app.services.model.chosen.value).toBe('hub:org/name');
});

test('a failed download says why and goes on from there', async () => {
  const { app, models } = await openDesk();
  models.onFetch = () => {
    throw new Error('unet/model.safetensors is not what the hub promised (SHA-256); try again');
  };
  await app.models.look('org/name');
  await app.models.fetch();
  expect(app.models.download.value).toMatchObject({ at: 'failed', message: expect.stringMatching(/SHA-256/) });
  models.onFetch = undefined;
  await app.models.fetch();
  expect(app.services.model.chosen.value).toBe('hub:org/name');
});

test('a name that is none does not reach the network', async () => {
  const { app, models } = await openDesk();
  await app.models.look('turbo');
  expect(app.models.download.value).toMatchObject({ at: 'failed', facts: null });
  expect(models.asked).toEqual([]);
});

test('deleting the model in use goes back to the built-in one', async () => {
  const { app, models, sandbox } = await openDesk();
  await app.models.look('org/name');
  await app.models.fetch();
  await app.models.purge('hub:org/name');
  expect(app.services.model.chosen.value).toBe('embedded');
  expect(sandbox.settings.model).toBe('embedded');
  expect(models.stored).toEqual([]);
});

test('a folder is used for this session only', async () => {
  const { app, sandbox } = await openDesk();
  await app.models.useFolder('my-model', new Map());
  expect(app.services.model.chosen.value).toBe('folder:my-model');
  expect(sandbox.settings.model).toBe('embedded');
  expect(app.models.list.value).toMatchObject([{ name: 'folder:my-model' }]);
});

test('switching the panel is remembered, and keeps the model', async () => {
  const { app, sandbox } = await openDesk();
  await app.models.switchPanel('hosted');
  expect(sandbox.settings).toEqual({ panel: 'hosted', model: 'embedded' });
  expect(sandbox.calls('switchPanel')).toEqual([{ panel: 'hosted' }]);
});

test('a model that failed to open is opened again for the next job', async () => {
  const { app, engine } = await openDesk();
  await app.services.model.ready();
  const open = engine.open.bind(engine);
  engine.open = async (model) => {
    engine.status.value = { state: 'failed', model, message: 'no' };
    throw new Error('the device is not there');
  };
  app.services.model.choose('hub:org/name');
  await expect(app.services.model.ready()).rejects.toThrow('the device is not there');
  engine.open = open;
  await expect(app.services.model.ready()).resolves.toMatchObject({ fingerprint: 'f00d' });
});

test('the model is opened once for jobs that ask at the same time, and again when another is chosen', async () => {
  const { app, engine } = await openDesk();
  const { model } = app.services;
  await Promise.all([model.ready(), model.ready()]);
  const before = engine.opened;
  await model.ready();
  expect(engine.opened).toBe(before);
  model.choose('hub:org/name');
  await model.ready();
  expect(engine.opened).toBe(before + 1);
});
