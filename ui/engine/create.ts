/** The engine's side of the panel, made of what a build of the panel brings along. */
import { DeviceError } from '../../engine/errors';
import { EngineClient, PATIENCE, type Patience } from '../../engine/worker/client';
import type { ModelLocation, OpenRequest } from '../../engine/worker/protocol';
import type { EnginePort, ModelsPort, PanelAssets } from '../ports';
import { workerAt, type Connect } from './connection';
import { EngineHost, type HostOptions } from './host';
import { EngineJobs } from './jobs';
import { Models, type ModelsOptions } from './models/models';
import { openStore } from './models/opfs-store';
import { Pictures, type PicturePatience } from './pictures/pictures';

export interface Ports {
  readonly engine: EnginePort;
  readonly models: ModelsPort;
}

/** What tests put in place of workers, storage and the hub. */
export interface PortOptions extends Partial<Pick<ModelsOptions, 'openStore' | 'hub'>> {
  readonly connectEngine?: Connect;
  readonly connectPictures?: Connect;
  readonly openLimit?: HostOptions['openLimit'];
  readonly checkpointSeconds?: number;
  readonly patience?: Patience;
  readonly picturePatience?: PicturePatience;
}

/**
 * Without a server nothing tells of a worker that vanished but its silence. The model there is small, so that no step of
 * it takes long.
 */
const EMBEDDED_PATIENCE: Patience = { ...PATIENCE, silence: 180_000 };

/** The names of the models that are part of the panel: for jobs, and the one that reads pairs. */
const EMBEDDED = 'embedded';
const PAIR = 'pair';

/** Starts nothing yet, and asks nothing of the network: workers and models are opened when they are first needed. */
export function createPorts(assets: PanelAssets, options: PortOptions = {}): Ports {
  const models = new Models({
    network: assets.build === 'hosted',
    openStore: options.openStore ?? openStore,
    ...(options.hub && { hub: options.hub }),
  });
  const embedded = new Map([
    [EMBEDDED, () => assets.embeddedModel()],
    [PAIR, () => assets.pairModel()],
  ]);
  const locate = async (name: string): Promise<Pick<OpenRequest, 'model' | 'wasm'>> => {
    const model = (await embedded.get(name)?.()) ?? { name, files: await models.files(name) };
    return { model: { kind: 'files', ...model }, wasm: await assets.wasm() };
  };
  const find = async (name: string): Promise<ModelLocation> =>
    embedded.has(name) || (await models.has(name)) ? (await locate(name)).model : { kind: 'hub', name };
  const connectEngine = options.connectEngine ?? workerAt(() => assets.workerUrl());
  const connectPictures = options.connectPictures ?? workerAt(() => assets.pictureWorkerUrl());
  const patience = options.patience ?? (assets.build === 'embedded' ? EMBEDDED_PATIENCE : PATIENCE);
  const hostOf = (model: string): EngineHost =>
    new EngineHost(
      {
        start: () => startEngine(connectEngine, patience),
        locate,
        find,
        ...(options.openLimit && { openLimit: options.openLimit }),
      },
      model,
    );
  const hosts = { jobs: hostOf(EMBEDDED), pairs: hostOf(PAIR) };
  const pictures = new Pictures(connectPictures, options.picturePatience);
  return { engine: new EngineJobs(hosts, pictures, options.checkpointSeconds), models };
}

async function startEngine(connect: Connect, patience: Patience): Promise<EngineClient> {
  const { endpoint, onFailure, end } = await connect();
  const client = new EngineClient(endpoint, end, patience);
  onFailure((why) => client.fail(new DeviceError(`the engine's worker stopped (${why}); try again`)));
  return client;
}
