/** Restyling the frames of a page or of the whole file: which ones, how many, and going on with what is left. */
import { Button } from '../../components/button';
import { Disclosure } from '../../components/disclosure';
import { SelectField, TextField } from '../../components/field';
import { Message } from '../../components/message';
import type { Search } from '../../state/frame-batch';
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
      <Button disabled={count === 0 || choice.chosen.value.length === 0} onClick={() => app.restyleFrames()}>
        {count > 0 ? `Restyle ${counted(count, 'frame')}` : 'Restyle frames'}
      </Button>
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

/** What an earlier run has left. */
export function UnfinishedFrames() {
  const { frames, queue } = useApp();
  const unfinished = frames.unfinished.value;
  if (!unfinished || queue.count.value.left > 0) return null;
  const { left, all, recipe, startedAt } = unfinished;
  const began = new Date(startedAt).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
  return (
    <Message
      kind="info"
      title={`${left.length} of ${counted(all, 'frame')} ${left.length === 1 ? 'is' : 'are'} left`}
      actions={
        <>
          <Button onClick={() => void frames.goOn()}>Go on</Button>
          <Button kind="ghost" onClick={() => void frames.discard()}>
            Discard
          </Button>
        </>
      }
    >
      {`Restyling with ${listed(recipe.styles.map(({ name }) => name))} was interrupted. It began on ${began}.`}
    </Message>
  );
}
