/** The panel's state over the fakes, ready to be tried. */
import { signal } from '@preact/signals-core';
import type { Command, NodeSummary, Selection, Settings } from '../../common/messages';
import type { MachineFacts, ModelFacts, ModelsPort, PanelAssets } from '../../ui/ports';
import { App } from '../../ui/state/app';
import { FakeEngine } from './fake-engine';
import { FakeSandbox } from './fake-sandbox';

export class FakeModels implements ModelsPort {
  readonly lasting = signal(true);
  stored: ModelFacts[] = [];
  /** What the network was asked for. */
  readonly asked: string[] = [];
  /** Runs while a model is fetched; what it throws ends it. */
  onFetch: ((signal: AbortSignal | undefined) => void | Promise<void>) | undefined;

  async look(name: string): Promise<ModelFacts> {
    this.asked.push(name);
    return this.stored.find((facts) => facts.name === name) ?? { name, bytes: 1000, have: 0 };
  }

  async fetch(name: string, { signal: abort, onProgress }: Parameters<ModelsPort['fetch']>[1]): Promise<void> {
    this.asked.push(name);
    onProgress?.(400, 1000);
    this.#store({ name, bytes: 1000, have: 400 });
    await this.onFetch?.(abort);
    abort?.throwIfAborted();
    this.#store({ name, bytes: 1000, have: 1000 });
  }

  async list(): Promise<readonly ModelFacts[]> {
    return this.stored;
  }

  async purge(name: string): Promise<void> {
    this.stored = this.stored.filter((facts) => facts.name !== name);
  }

  async machine(): Promise<MachineFacts> {
    return { gpu: null, memory: 8e9 };
  }

  useFolder(name: string): ModelFacts {
    return { name: `folder:${name}`, bytes: 10, have: 10 };
  }

  #store(facts: ModelFacts): void {
    this.stored = [...this.stored.filter(({ name }) => name !== facts.name), facts];
  }
}

export interface Desk {
  readonly app: App;
  readonly sandbox: FakeSandbox;
  readonly engine: FakeEngine;
  readonly models: FakeModels;
  readonly saved: { name: string; content: Uint8Array }[];
  select(...nodes: NodeSummary[]): void;
  command(command: Command): void;
}

interface DeskOptions {
  readonly nodes?: readonly NodeSummary[];
  readonly command?: Command;
  readonly settings?: Settings;
  readonly fallback?: boolean;
  readonly build?: PanelAssets['build'];
  /** Before the panel greets the sandbox. */
  readonly prepare?: (parts: Pick<Desk, 'sandbox' | 'engine' | 'models'>) => void;
}

const opened: App[] = [];

// Notices leave by timers, for which the process would wait.
afterEach(() => {
  for (const { services } of opened.splice(0)) {
    for (const { id } of services.notices.list.value) services.notices.close(id);
  }
});

/** A panel that has started. */
export async function openDesk(options: DeskOptions = {}): Promise<Desk> {
  const [sandbox, engine, models] = [new FakeSandbox(), new FakeEngine(), new FakeModels()];
  const page = { id: 'page', name: 'Page 1' };
  sandbox.hello = {
    settings: options.settings ?? sandbox.settings,
    command: options.command ?? { name: 'open' },
    selection: { page, nodes: [...(options.nodes ?? [])] },
    host: 'http://localhost:8137',
    fallback: options.fallback ?? false,
  };
  options.prepare?.({ sandbox, engine, models });
  const listeners = new Map<string, (detail: never) => void>();
  const saved: Desk['saved'] = [];
  const app = new App({
    bridge: {
      call: (call, params) => sandbox.call(call, params),
      on: (event, listener) => {
        listeners.set(event, listener);
        return () => listeners.delete(event);
      },
    },
    engine,
    models,
    build: options.build ?? 'embedded',
    saveFile: (name, content) => saved.push({ name, content }),
  });
  opened.push(app);
  await app.open();
  return {
    ...{ app, sandbox, engine, models, saved },
    select: (...nodes) => listeners.get('selection')!({ page, nodes } satisfies Selection as never),
    command: (command) => listeners.get('command')!(command as never),
  };
}

/** Waits until something is so; fails with what it is instead when it does not come true. */
export async function until(what: () => boolean, describe: () => unknown = () => ''): Promise<void> {
  for (let i = 0; i < 5_000; i++) {
    if (what()) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  throw new Error(`it does not come to that: ${what} ${JSON.stringify(describe())}`);
}

/** A promise to be settled from outside. */
export function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open };
}
