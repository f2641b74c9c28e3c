/** Learning that is over or waits: done, paused, failed, or learned without a place to keep it. */
import { Button } from '../../components/button';
import { LossChart } from '../../components/loss-chart';
import { Message } from '../../components/message';
import { Picture } from '../../components/picture';
import { Progress } from '../../components/progress';
import type { LearningState } from '../../state/learning';
import { secondsInWords } from '../../state/words';
import { useApp } from '../context';

type StateAt<At extends LearningState['at']> = Extract<LearningState, { at: At }>;

export function OutcomeView({ state }: { state: StateAt<'done' | 'paused' | 'failed' | 'unsaved'> }) {
  switch (state.at) {
    case 'done':
      return <Done state={state} />;
    case 'paused':
      return <Paused state={state} />;
    case 'failed':
      return <Failed state={state} />;
    case 'unsaved':
      return <Unsaved state={state} />;
  }
}

function Done({ state: { entry, losses, seconds } }: { state: StateAt<'done'> }) {
  const { learning, library, choice, show } = useApp();
  const place = library.find(entry.id)?.inLibrary === false ? 'this file' : 'your library';
  const use = (): void => {
    choice.only(entry.id);
    learning.dismiss();
    show('restyle');
  };
  return (
    <>
      <div class="body">
        <div>
          <h2>
            “{entry.name}” is {entry.kind ? 'kept' : 'learned'}
          </h2>
          <p class="quiet">
            It is in {place}
            {entry.kind && ', and used as its pair shows it, without learning'}
            {!entry.kind && seconds !== null && ` after ${secondsInWords(seconds)} and ${entry.steps} steps`}.
          </p>
        </div>
        <Picture png={entry.thumbnail} alt="Its pair" />
        {losses.length > 1 && <LossChart losses={losses} steps={entry.steps} />}
      </div>
      <div class="foot">
        <Button large onClick={() => learning.dismiss()}>
          Learn another
        </Button>
        <Button kind="primary" large onClick={use}>
          Restyle with it
        </Button>
      </div>
    </>
  );
}

function Paused({ state: { draft, losses, kept } }: { state: StateAt<'paused'> }) {
  const { learning } = useApp();
  const all = draft.contentSteps + draft.steps;
  return (
    <>
      <div class="body">
        <div>
          <h2>“{draft.name}” is paused</h2>
          <p class="quiet">
            {kept
              ? 'What it has learned so far is kept, also when you close the plugin.'
              : 'What it has learned so far is kept only while the plugin is open: there is no room to store it.'}
          </p>
        </div>
        <div class="trio">
          <figure>
            <Picture png={draft.before} alt="Before" />
          </figure>
          <figure>
            <Picture png={draft.after} alt="After" />
          </figure>
        </div>
        <div class="stack">
          <Progress fraction={draft.done / all} label={`“${draft.name}”, paused`} />
          <p class="quiet numbers">
            Step {draft.done} of {all}
          </p>
        </div>
        {losses.length > 1 && <LossChart losses={losses} steps={all} />}
      </div>
      <div class="foot">
        <Button large onClick={() => void learning.discard()}>
          Discard
        </Button>
        <Button kind="primary" large onClick={() => void learning.resume()}>
          Resume
        </Button>
      </div>
    </>
  );
}

function Failed({ state: { name, message, draft } }: { state: StateAt<'failed'> }) {
  const { learning } = useApp();
  return (
    <>
      <div class="body">
        <Message kind="wrong" title={`“${name}” could not be learned`}>
          {message}
        </Message>
        {draft && (
          <p class="quiet numbers">
            What was learned until step {draft.done} of {draft.contentSteps + draft.steps} is kept.
          </p>
        )}
      </div>
      <div class="foot">
        <Button large onClick={() => void learning.discard()}>
          {draft ? 'Discard' : 'Back'}
        </Button>
        {draft && (
          <Button kind="primary" large onClick={() => void learning.resume()}>
            Resume
          </Button>
        )}
      </div>
    </>
  );
}

function Unsaved({ state: { entry, message } }: { state: StateAt<'unsaved'> }) {
  const { learning, show } = useApp();
  return (
    <>
      <div class="body">
        <div>
          <h2>
            “{entry.name}” is {entry.kind ? 'made' : 'learned'}, but not saved yet
          </h2>
          <p class="quiet">Make room in your library, keep it in this file, or save it on your disk.</p>
        </div>
        <Picture png={entry.thumbnail} alt="Its pair" />
        <Message kind="warning" title="It could not be saved">
          {message}
        </Message>
        <div class="stack">
          <Button onClick={() => show('library')}>Make room in the library</Button>
          <Button onClick={() => void learning.keep('document')}>Keep in this file</Button>
          <Button onClick={() => learning.exportUnsaved()}>Save on disk</Button>
        </div>
      </div>
      <div class="foot">
        <Button large onClick={() => void learning.discard()}>
          Discard
        </Button>
        <Button kind="primary" large onClick={() => void learning.keep('library')}>
          Save again
        </Button>
      </div>
    </>
  );
}
