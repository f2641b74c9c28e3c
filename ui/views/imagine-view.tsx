/** Imagine: words and styles become a new frame. */
import { Button, IconButton } from '../components/button';
import { NumberField, TextField } from '../components/field';
import { EmptyState, Message } from '../components/message';
import { Picture } from '../components/picture';
import { Progress } from '../components/progress';
import { complaintAboutSeed } from '../state/learn-settings';
import { useApp } from './context';
import { NoStyles, StylePicker } from './style-picker';

export function ImagineView() {
  const { imagining, library, choice } = useApp();
  const state = imagining.state.value;
  const busy = state.at === 'working';
  if (library.styles.value.length === 0) {
    return (
      <div class="body">
        <EmptyState icon="sparkle" title="A new picture in your style" actions={<NoStyles />}>
          Learn a style first, then say what to draw in it.
        </EmptyState>
      </div>
    );
  }
  const start = (): void => void imagining.start(choice.chosen.value);
  return (
    <>
      <div class="body">
        <TextField
          label="What to draw"
          placeholder="Such as a red apple"
          rows={3}
          value={imagining.prompt.value}
          disabled={busy}
          onInput={(text) => (imagining.prompt.value = text)}
        />
        <StylePicker />
        <div class="row" style={{ alignItems: 'flex-end' }}>
          <div class="grow">
            <NumberField
              beside
              label="Seed"
              value={imagining.seed.value}
              disabled={busy}
              complain={complaintAboutSeed}
              onChange={(value) => (imagining.seed.value = value)}
            />
          </div>
          <IconButton icon="dice" label="Another seed" disabled={busy} onClick={() => imagining.otherSeed()} />
        </div>
        {busy && <Progress fraction={state.fraction} label="Drawing" />}
        {state.at === 'failed' && (
          <Message kind="wrong" title="Nothing was drawn" actions={<Button onClick={start}>Try again</Button>}>
            {state.message}
          </Message>
        )}
        {state.at === 'unplaced' && (
          <>
            <div class="sample large">
              <Picture png={state.picture} alt="What was drawn" />
            </div>
            <Message
              kind="warning"
              title="It is drawn, but could not be added to the canvas"
              actions={
                <>
                  <Button onClick={() => void imagining.placeAgain()}>Try again</Button>
                  <Button onClick={() => imagining.save()}>Save on disk</Button>
                  <Button onClick={() => imagining.discard()}>Discard</Button>
                </>
              }
            >
              {state.message}
            </Message>
          </>
        )}
        {state.at === 'done' && (
          <div class="sample">
            <Picture png={state.picture} alt="What was drawn" />
            <p>
              <b>Added to the canvas</b>
              <br />
              <span class="quiet">Select it to tune it, or draw another one.</span>
              <br />
              <Button kind="link" onClick={() => void imagining.reveal()}>
                Select
              </Button>
            </p>
          </div>
        )}
      </div>
      <div class="foot">
        {busy ? (
          <Button large onClick={() => imagining.cancel()}>
            Cancel
          </Button>
        ) : (
          <Button
            kind="primary"
            large
            disabled={imagining.prompt.value.trim() === '' || state.at === 'unplaced'}
            onClick={start}
          >
            Imagine
          </Button>
        )}
      </div>
    </>
  );
}
