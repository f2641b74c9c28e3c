/** Restyling the frames of a page or of the whole file: which ones, how many, and going on with what is left. */
import { Button } from '../../components/button';
import { Disclosure } from '../../components/disclosure';
import { SelectField, TextField } from '../../components/field';
import { Message } from '../../components/message';
import type { Search, Unfinished } from '../../state/frame-batch';
import { counted, listed } from '../../state/words';
import { useApp } from '../context';

const PLACES = [
  { value: 'page', label: 'This page' },
  { value: 'file', label: 'The whole file' },
] as const;

/** Names that a frame, its component and its section have to match. */
const PATTERNS = [
  { key: 'name', label: 'Name', placeholder: 'Any, or such as icon/*' },
  { key: 'component', label: 'Component', placeholder: 'Any' },
  { key: 'section', label: 'In section', placeholder: 'Any' },
] as const;

export function FramesView() {
  const app = useApp();
  const { frames, choice } = app;
  const filter = frames.filter.value;
  const search = frames.search.value;
  const count = search.at === 'found' ? search.found.frames.length : 0;
  const ready = count > 0 && choice.chosen.value.length > 0;
  const inTheWay = frames.inTheWay.value;
  return (
    <Disclosure
      title="Restyle a page or the whole file"
      open={search.at !== 'closed'}
      onToggle={(open) => (open ? void frames.open() : frames.close())}
    >
      <div class="stack wide-fields">
        <SelectField
          beside
          label="Frames of"
          value={filter.where}
          options={PLACES}
          onChange={(value) => frames.change({ where: value })}
        />
        {PATTERNS.map(({ key, label, placeholder }) => (
          <TextField
            key={key}
            beside
            label={label}
            placeholder={placeholder}
            value={filter[key]}
            onInput={(text) => frames.change({ [key]: text })}
          />
        ))}
      </div>
      <p class="quiet" role="status">
        {outcomeOf(search, filter.where === 'file')}
      </p>
      {inTheWay ? (
        <Message
          kind="warning"
          title={`An earlier restyling is not finished: ${remainsOf(inTheWay)}.`}
          actions={
            <>
              <Button onClick={() => void (inTheWay.left.length > 0 ? frames.goOn() : frames.tryAgain())}>
                {inTheWay.left.length > 0 ? 'Go on with it' : 'Retry failed'}
              </Button>
              <Button kind="ghost" disabled={!ready} onClick={() => app.restyleFrames({ instead: true })}>
                {`Discard it and restyle ${counted(count, 'frame')}`}
              </Button>
            </>
          }
        />
      ) : (
        <Button disabled={!ready || frames.busy.value} onClick={() => app.restyleFrames()}>
          {count > 0 ? `Restyle ${counted(count, 'frame')}` : 'Restyle frames'}
        </Button>
      )}
      {frames.busy.value && <p class="quiet">More frames can be restyled when those in the queue are done.</p>}
    </Disclosure>
  );
}

function outcomeOf(search: Search, everywhere: boolean): string {
  if (search.at === 'failed') return search.message;
  if (search.at !== 'found') return 'Looking';
  const { frames, pages, barred } = search.found;
  const where = everywhere && frames.length > 0 ? ` on ${counted(pages, 'page')}` : '';
  const matches = frames.length === 1 ? 'matches' : 'match';
  const rest = barred > 0 ? ` ${counted(barred, 'more is hidden or empty', 'more are hidden or empty')}.` : '';
  return `${frames.length === 0 ? 'No frame' : counted(frames.length, 'frame')}${where} ${frames.length === 0 ? 'matches' : matches}.${rest}`;
}

/** "3 of 24 frames are left, 1 failed" */
function remainsOf({ left, failed, all }: Unfinished): string {
  const frames = counted(all, 'frame');
  if (left.length === 0) return `${failed.length} of ${frames} failed`;
  const isLeft = `${left.length} of ${frames} ${left.length === 1 ? 'is' : 'are'} left`;
  return failed.length > 0 ? `${isLeft}, ${failed.length} failed` : isLeft;
}

/** Failures that are named, each with its reason; the others are counted. */
const NAMED = 3;

/** What an earlier run has left, and what failed in it. */
export function UnfinishedFrames() {
  const { frames, queue } = useApp();
  const unfinished = frames.unfinished.value;
  if (!unfinished || queue.count.value.left > 0) return null;
  const { left, failed, recipe, startedAt } = unfinished;
  const began = new Date(startedAt).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
  const styles = listed(recipe.styles.map(({ name }) => name));
  return (
    <Message
      kind={failed.length > 0 ? 'warning' : 'info'}
      title={remainsOf(unfinished)}
      actions={
        <>
          {left.length > 0 && <Button onClick={() => void frames.goOn()}>Go on</Button>}
          {failed.length > 0 && (
            <Button onClick={() => void frames.tryAgain()}>{`Retry ${failed.length} failed`}</Button>
          )}
          <Button kind="ghost" onClick={() => void frames.discard()}>
            Discard
          </Button>
        </>
      }
    >
      {left.length > 0
        ? `Restyling with ${styles} was interrupted. It began on ${began}.`
        : `Restyling with ${styles} began on ${began}.`}
      {failed.slice(0, NAMED).map(({ id, name, reason }) => (
        <span class="failure" key={id}>
          {`“${name}”: ${reason || 'failed'}`}
        </span>
      ))}
      {failed.length > NAMED && <span class="failure">{`and ${failed.length - NAMED} more`}</span>}
    </Message>
  );
}
