/** Pair: which layer is before, which after, whether they fit, and what the style is called. */
import { Button, IconButton } from '../../components/button';
import { TextField } from '../../components/field';
import { EmptyState } from '../../components/message';
import { Picture } from '../../components/picture';
import type { NodeSummary } from '../../../common/messages';
import type { Roles } from '../../state/pair';
import { useApp } from '../context';
import { CheckMessage } from './check-message';
import { PairPreviewView } from './preview';
import { LearnSettingsFields } from './settings-fields';

export function PairView() {
  const { pair } = useApp();
  const roles = pair.roles.value;
  return roles ? <ChosenPair roles={roles} /> : <NoPair />;
}

function NoPair() {
  const { pair } = useApp();
  const offer = pair.offer.value;
  return (
    <div class="body">
      <EmptyState
        icon={<PairDrawing />}
        title="Learn a style from one pair"
        actions={offer && <Button onClick={() => pair.takeOffer()}>Use the third as live sample</Button>}
      >
        {pair.advice.value}
        {offer && (
          <>
            {' '}
            Or learn from “{offer.before.name}” and “{offer.after.name}”, and watch the style grow on “
            {offer.sample?.name}
            ”.
          </>
        )}
      </EmptyState>
    </div>
  );
}

/** A shape, and the same one redrawn. */
function PairDrawing() {
  return (
    <svg class="pair-drawing" width="152" height="64" viewBox="0 0 152 64" aria-hidden="true">
      <rect x="0.5" y="0.5" width="63" height="63" rx="8" />
      <path d="M32 14l5.6 11.3 12.4 1.8-9 8.8 2.1 12.4L32 42.4l-11.1 5.9 2.1-12.4-9-8.8 12.4-1.8z" />
      <path d="M70 32h11m-4-4l4 4-4 4" />
      <rect x="88.5" y="0.5" width="63" height="63" rx="8" />
      <path class="styled" d="M120 14l5.6 11.3 12.4 1.8-9 8.8 2.1 12.4-11.1-5.9-11.1 5.9 2.1-12.4-9-8.8 12.4-1.8z" />
    </svg>
  );
}

function ChosenPair({ roles }: { roles: Roles }) {
  const { pair, learning } = useApp();
  const check = pair.check.value;
  const force = check.at === 'known' && !check.verdict.usable;
  const learn = (): void =>
    void learning.start({
      roles,
      prompt: pair.prompt.value,
      style: pair.styleName.value,
      settings: pair.settings.value,
      force,
    });
  const keep = (): void => void learning.keepPair({ roles, style: pair.styleName.value, force });
  return (
    <>
      <div class="body">
        <div class="pair">
          <Side title="Before" node={roles.before} />
          <div class="swap">
            <IconButton icon="swap" label="Swap before and after" onClick={() => pair.swap()} />
          </div>
          <Side title="After" node={roles.after} />
        </div>
        <CheckMessage check={check} onRetry={() => pair.recheck()} />
        <PairPreviewView shown={pair.preview.state.value} roles={roles} />
        <TextField
          label="Style name"
          placeholder="Such as Ink"
          value={pair.styleName.value}
          onInput={(text) => pair.editStyleName(text)}
        />
        <TextField
          label="What both show"
          placeholder="Such as teddy bear"
          note="Keeps what is drawn out of the style. May be left empty."
          value={pair.prompt.value}
          onInput={(text) => pair.editCaption(text)}
        />
        {roles.sample ? (
          <div class="sample">
            <Picture png={pair.pictures.value.get(roles.sample.id)} alt={roles.sample.name} />
            <p>
              <b>Live sample</b>
              <br />
              <span class="quiet">“{roles.sample.name}” is restyled now and then while the style is learned.</span>
            </p>
          </div>
        ) : (
          <p class="quiet">Select a third layer as well to watch the style grow on it.</p>
        )}
        <LearnSettingsFields />
      </div>
      <div class="foot">
        <Button large disabled={!pair.canLearn.value} onClick={keep}>
          Use as it is
        </Button>
        <Button kind="primary" large disabled={!pair.canLearn.value} onClick={learn}>
          {force ? 'Learn anyway' : 'Learn style'}
        </Button>
      </div>
    </>
  );
}

function Side({ title, node }: { title: string; node: NodeSummary }) {
  const { pair } = useApp();
  return (
    <figure>
      <Picture png={pair.pictures.value.get(node.id)} alt={`${title}: ${node.name}`} />
      <figcaption>
        <b>{title}</b>
        <div class="one-line quiet" title={node.name}>
          {node.name}
        </div>
      </figcaption>
    </figure>
  );
}
