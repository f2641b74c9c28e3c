/** Tune: the sliders of one result, and making it anew with another style, prompt or seed. */
import { useState } from 'preact/hooks';
import { Button, IconButton } from '../../components/button';
import { Disclosure } from '../../components/disclosure';
import { NumberField, SelectField, TextField } from '../../components/field';
import { EmptyState, Message } from '../../components/message';
import { Progress } from '../../components/progress';
import { StrengthSlider } from '../../components/strength-slider';
import { newSeed } from '../../state/ids';
import { complaintAboutSeed } from '../../state/learn-settings';
import { MAX_STYLES } from '../../state/restyle-settings';
import type { TuneSession } from '../../state/tune-session';
import { listed } from '../../state/words';
import { useApp } from '../context';
import { guidesFor } from './guides';
import { QueueView } from './queue-view';

export function TuneView({ session }: { session: TuneSession }) {
  const state = session.state.value;
  switch (state.at) {
    case 'opening':
      return (
        <div class="body">
          <Progress fraction={null} label="Opening the result" />
        </div>
      );
    case 'gone':
      return (
        <div class="body">
          <EmptyState icon="styles" title="This layer was deleted">
            Undo in Figma brings it back.
          </EmptyState>
        </div>
      );
    case 'failed':
      return (
        <div class="body">
          <Message
            kind="wrong"
            title="The result could not be opened"
            actions={<Button onClick={() => void session.retry()}>Try again</Button>}
          >
            {state.message}
          </Message>
        </div>
      );
    case 'ready':
      return <Controls session={session} />;
  }
}

function Controls({ session }: { session: TuneSession }) {
  const { learning, queue, services, tuning } = useApp();
  const { left, failed } = queue.count.value;
  const work = session.work.value;
  const problem = session.problem.value;
  const missing = session.missing.value;
  const { kind, sourceId } = session.parameters.value;
  const node = services.selection.value.nodes[0];
  const escape = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && session.busy) void session.cancel();
  };
  return (
    <div class="page" onKeyDown={escape}>
      <div class="body">
        {left + failed > 0 && <QueueView />}
        <div>
          <h2 class="one-line">{node?.name}</h2>
          <p class="quiet" role="status">
            {work && learning.state.value.at === 'learning'
              ? 'Waiting until learning is over or paused'
              : statusOf(work !== null, problem !== null, session.previewing.value)}
          </p>
        </div>
        <div style={{ visibility: work ? 'visible' : 'hidden' }} aria-hidden={!work}>
          <Progress fraction={work?.fraction ?? null} label="Making it at full quality" />
        </div>
        {missing.length > 0 && (
          <Message kind="warning" title={`${listed(missing)}: not in your library, and not in this file`}>
            Ask whoever made this layer to open it and choose “Share with this file” under Styles, or to send you the
            exported style. You can still set the strength to 0, or use another style.
          </Message>
        )}
        {problem && (
          <Message
            kind="wrong"
            title="The last change did not reach the layer"
            actions={<Button onClick={() => void session.retry()}>Try again</Button>}
          >
            {problem}
          </Message>
        )}
        <Strengths session={session} />
        <Settings session={session} />
      </div>
      <div class="foot">
        {kind === 'restyled' && node && (
          <Button
            large
            title={sourceId === null ? undefined : 'Takes the original layer as it looks now'}
            onClick={() => queue.addAgain([node])}
          >
            Restyle again
          </Button>
        )}
        <Button large onClick={() => tuning.useAsSource()}>
          Restyle on top
        </Button>
      </div>
    </div>
  );
}

function statusOf(working: boolean, failed: boolean, previewing: boolean): string {
  if (working) return 'Making it at full quality';
  if (previewing) return 'Preview';
  return failed ? 'Not up to date' : 'Up to date';
}

function Strengths({ session }: { session: TuneSession }) {
  const { library } = useApp();
  const { styles } = session.parameters.value;
  const replace = (index: number): void => void session.change({ styles: styles.filter((_, i) => i !== index) });
  const more = library.styles.value.filter(({ id }) => styles.every((style) => style.id !== id));
  return (
    <section class="section" aria-label="Strengths">
      {styles.map(({ id, name, strength }, index) => (
        <StrengthSlider
          key={id}
          label={styles.length > 1 ? name : `Strength of ${name}`}
          value={strength}
          onDrag={(value) => session.drag(index, value)}
          onRelease={(value) => void session.release(index, value)}
        >
          {styles.length > 1 && <IconButton icon="close" label={`Take ${name} out`} onClick={() => replace(index)} />}
        </StrengthSlider>
      ))}
      {more.length > 0 && styles.length < MAX_STYLES && (
        <div class="row">
          <StyleSelect
            label="Blend in"
            styles={more}
            onChoose={({ id, name }) => void session.change({ styles: [...styles, { id, name, strength: 1 }] })}
          />
          {styles.length === 1 && (
            <StyleSelect
              label="Use instead"
              styles={more}
              onChoose={({ id, name }) =>
                void session.change({ styles: [{ id, name, strength: styles[0]!.strength || 1 }] })
              }
            />
          )}
        </div>
      )}
    </section>
  );
}

interface StyleSelectProps {
  readonly label: string;
  readonly styles: readonly { readonly id: string; readonly name: string }[];
  readonly onChoose: (style: { readonly id: string; readonly name: string }) => void;
}

function StyleSelect({ label, styles, onChoose }: StyleSelectProps) {
  return (
    <select
      class="select grow"
      aria-label={label}
      value=""
      onChange={(event) => {
        const style = styles.find(({ id }) => id === event.currentTarget.value);
        event.currentTarget.value = '';
        if (style) onChoose(style);
      }}
    >
      <option value="" disabled>
        {label}
      </option>
      {styles.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </select>
  );
}

/** Prompt, method and seed; the seed only where it changes anything. */
function Settings({ session }: { session: TuneSession }) {
  const { kind, prompt, guide, seed } = session.parameters.value;
  const [typed, setTyped] = useState(prompt);
  const imagined = kind === 'imagined';
  return (
    <Disclosure title="More">
      {!imagined && (
        <SelectField
          label="Method"
          value={guide}
          options={guidesFor(guide)}
          onChange={(value) => void session.change({ guide: value })}
        />
      )}
      <TextField
        label={imagined ? 'Prompt' : 'What the layer shows'}
        value={typed}
        onInput={setTyped}
        onDone={() => void session.change({ prompt: typed.trim() })}
      />
      {(imagined || guide === 'sdedit') && (
        <>
          <NumberField
            beside
            label="Seed"
            value={seed}
            complain={complaintAboutSeed}
            onChange={(value) => void session.change({ seed: value })}
          />
          <div>
            <Button onClick={() => void session.change({ seed: newSeed() })}>Another variation</Button>
          </div>
        </>
      )}
    </Disclosure>
  );
}
