/** Restyle: what is selected, in the chosen styles; or the tuning of the result that is selected. */
import { Button } from '../../components/button';
import { Disclosure } from '../../components/disclosure';
import { SelectField, TextField } from '../../components/field';
import { EmptyState, Message } from '../../components/message';
import type { NodeSummary } from '../../../common/messages';
import { counted } from '../../state/words';
import { useApp } from '../context';
import { NoStyles, StylePicker } from '../style-picker';
import { FramesView, UnfinishedFrames } from './frames-view';
import { GUIDES } from './guides';
import { QueueView } from './queue-view';
import { TuneView } from './tune-view';

export function RestyleView() {
  const { tuning, queue, library } = useApp();
  const session = tuning.session.value;
  const asNew = tuning.asNew.value;
  if (session && !asNew) return <TuneView key={session.id} session={session} />;
  return (
    <>
      <div class="body">
        <QueueView />
        <UnfinishedFrames />
        <Choice hasQueue={queue.items.value.length > 0} />
      </div>
      {library.styles.value.length > 0 && <Foot />}
    </>
  );
}

function Choice({ hasQueue }: { hasQueue: boolean }) {
  const { library, prompt, guide, services } = useApp();
  const { nodes } = services.selection.value;
  if (library.styles.value.length === 0) {
    return (
      <EmptyState icon="styles" title="No styles yet" actions={<NoStyles />}>
        Learn one from a pair of layers first.
      </EmptyState>
    );
  }
  if (nodes.length === 0 && !hasQueue) {
    return (
      <>
        <StylePicker />
        <Message kind="info">
          Select frames, groups, shapes, images, components or text. Each gets a restyled layer above it.
        </Message>
        <FramesView key="frames" />
      </>
    );
  }
  return (
    <>
      <StylePicker />
      <Obstacles nodes={nodes} />
      <Disclosure title="More">
        <SelectField label="Method" value={guide.value} options={GUIDES} onChange={(value) => (guide.value = value)} />
        <TextField
          label="What the layers show"
          placeholder="Such as an icon of a house"
          note="Helps when the base model should know. May be left empty."
          value={prompt.value}
          onInput={(text) => (prompt.value = text)}
        />
      </Disclosure>
      <FramesView key="frames" />
    </>
  );
}

function Obstacles({ nodes }: { nodes: readonly NodeSummary[] }) {
  const barred = nodes.filter(({ obstacle }) => obstacle);
  if (barred.length === 0) return null;
  const [first] = barred;
  return (
    <Message
      kind="warning"
      title={barred.length === 1 ? `“${first!.name}” will be left out` : `${barred.length} layers will be left out`}
    >
      {first!.obstacle}
    </Message>
  );
}

function Foot() {
  const app = useApp();
  const { services, choice, queue, tuning } = app;
  const { nodes } = services.selection.value;
  const usable = nodes.filter(({ obstacle }) => !obstacle);
  const results = nodes.filter(({ result }) => result?.kind === 'restyled');
  const ready = usable.length > 0 && choice.chosen.value.length > 0;
  const again = results.length > 1 && results.length === nodes.length;
  return (
    <div class="foot">
      {tuning.asNew.value && <Button onClick={() => tuning.backToTune()}>Back to tuning</Button>}
      {again && (
        <Button large onClick={() => queue.addAgain(results)}>
          Restyle again
        </Button>
      )}
      <Button kind="primary" large disabled={!ready} onClick={() => app.restyleSelection()}>
        {usable.length > 0 ? `Restyle ${counted(usable.length, 'layer')}` : 'Select layers to restyle'}
      </Button>
    </div>
  );
}
