/** Model: what runs, where, and what it takes. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { EngineDescription } from '../../../engine/engine';
import { Button } from '../../components/button';
import { Message } from '../../components/message';
import { Progress } from '../../components/progress';
import { EMBEDDED_MODEL } from '../../state/base-model';
import { isWhole } from '../../state/models';
import type { ModelFacts } from '../../ports';
import { bytesInWords } from '../../state/words';
import { useApp } from '../context';
import { DownloadSection } from './download-section';
import { PanelSection } from './panel-section';

/** How often the memory account is read while it is on screen. */
const MEMORY_MS = 2_000;

export function ModelView() {
  const { models } = useApp();
  useEffect(() => {
    void models.refreshMemory();
    const timer = setInterval(() => void models.refreshMemory(), MEMORY_MS);
    return () => clearInterval(timer);
  }, [models]);
  return (
    <div class="body">
      <Engine />
      <Choice />
      <DownloadSection />
      <PanelSection />
    </div>
  );
}

function Engine() {
  const { services, models } = useApp();
  const status = services.engine.status.value;
  const memory = models.memory.value;
  const machine = models.machine.value;
  switch (status.state) {
    case 'closed':
      return <p class="quiet">The model is opened when it is needed.</p>;
    case 'opening':
      return (
        <section class="section">
          <h3>Opening {nameOf(status.model)}</h3>
          <Progress fraction={null} label="Opening the model" />
        </section>
      );
    case 'failed':
      return (
        <Message
          kind="wrong"
          title={`${nameOf(status.model)} could not be opened`}
          actions={
            <>
              <Button onClick={() => void models.use(status.model)}>Try again</Button>
              {status.model !== EMBEDDED_MODEL && (
                <Button onClick={() => void models.use(EMBEDDED_MODEL)}>Use the built-in model</Button>
              )}
            </>
          }
        >
          {status.message}
        </Message>
      );
    case 'ready':
      return (
        <section class="section" aria-label="In use">
          <h3>In use</h3>
          <dl class="facts">
            <dt>Model</dt>
            <dd>{nameOf(services.model.chosen.value)}</dd>
            <dt>Runs on</dt>
            <dd>{deviceOf(status.description)}</dd>
            <dt>Works at</dt>
            <dd>{status.description.nativeSize} px</dd>
            {memory && (
              <>
                <dt>Memory used</dt>
                <dd class="numbers">
                  {bytesInWords(memory.files + memory.programs + memory.tensors)}, at most {bytesInWords(memory.peak)}
                </dd>
              </>
            )}
            {machine && machine.memory !== null && (
              <>
                <dt>This computer has</dt>
                <dd class="numbers">{bytesInWords(machine.memory)} or more</dd>
              </>
            )}
          </dl>
        </section>
      );
  }
}

function Choice() {
  const { models, services, learning, queue } = useApp();
  const folder = useRef<HTMLInputElement>(null);
  const chosen = services.model.chosen.value;
  const busy = learning.running || queue.count.value.left > 0;
  useEffect(() => {
    folder.current!.webkitdirectory = true;
  }, []);
  const whole = models.list.value.filter(isWhole);
  const take = (input: HTMLInputElement): void => {
    const files = [...(input.files ?? [])];
    input.value = '';
    const [top] = files[0]?.webkitRelativePath.split('/') ?? [];
    // Paths begin with the chosen folder's own name.
    const byPath = new Map(files.map((file) => [file.webkitRelativePath.split('/').slice(1).join('/'), file]));
    if (top) void models.useFolder(top, byPath);
  };
  return (
    <section class="section" aria-label="Base model">
      <div class="section-head">
        <h3>Base model</h3>
        <Button disabled={busy} onClick={() => folder.current?.click()}>
          Open a folder
        </Button>
        <input
          ref={folder}
          class="visually-hidden"
          type="file"
          tabIndex={-1}
          aria-label="Folder of a model in diffusers format"
          onChange={(event) => take(event.currentTarget)}
        />
      </div>
      {busy && <p class="quiet">Can be changed when nothing is being learned or restyled.</p>}
      <div role="radiogroup" aria-label="Base model">
        <Option name={EMBEDDED_MODEL} chosen={chosen} disabled={busy}>
          Comes with the plugin. Small and quick, made for icons.
        </Option>
        {whole.map((facts) => (
          <Option key={facts.name} name={facts.name} chosen={chosen} disabled={busy} facts={facts}>
            <Facts facts={facts} />
          </Option>
        ))}
      </div>
    </section>
  );
}

function Facts({ facts: { name, bytes } }: { facts: ModelFacts }) {
  const { models } = useApp();
  useEffect(() => void models.findNeeds(name), [models, name]);
  const needs = models.needs.value.get(name);
  const memory = models.machine.value?.memory ?? null;
  if (!needs) return <>{bytesInWords(bytes)}</>;
  if ('problem' in needs) return <>{needs.problem}</>;
  return (
    <>
      {bytesInWords(bytes)}; takes about {bytesInWords(needs.learn)} of memory to learn, {bytesInWords(needs.restyle)}{' '}
      to restyle
      {memory !== null && needs.learn > memory && '. This computer may have less'}
    </>
  );
}

interface OptionProps {
  readonly name: string;
  readonly chosen: string;
  readonly disabled: boolean;
  readonly facts?: ModelFacts;
  readonly children: ComponentChildren;
}

function Option({ name, chosen, disabled, facts, children }: OptionProps) {
  const { models } = useApp();
  return (
    <div class="row" style={{ alignItems: 'flex-start' }}>
      <label class="choice grow">
        <input
          type="radio"
          name="base-model"
          checked={chosen === name}
          disabled={disabled}
          onChange={() => void models.use(name)}
        />
        <span class="grow">
          <span class="one-line">{nameOf(name)}</span>
          <br />
          <span class="quiet">{children}</span>
        </span>
      </label>
      {facts?.name.startsWith('hub:') && (
        <Button disabled={disabled} onClick={() => void models.purge(name)}>
          Delete
        </Button>
      )}
    </div>
  );
}

function nameOf(model: string): string {
  return model === EMBEDDED_MODEL ? 'Built-in model' : model.replace(/^(hub|folder):/, '');
}

function deviceOf({ device }: EngineDescription): string {
  const how = { webgpu: 'WebGPU', wasm: 'WebAssembly', cpu: 'processor' }[device.kind];
  return device.kind === 'webgpu'
    ? `${device.name} (${how}${device.f16 ? ', half precision' : ''})`
    : `Processor (${how}, ${device.threads === 1 ? 'one thread' : `${device.threads} threads`})`;
}
