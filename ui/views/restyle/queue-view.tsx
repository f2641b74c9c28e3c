/** The queue: how far each layer is, and what can be done about it. */
import { useEffect, useRef } from 'preact/hooks';
import { Button, IconButton } from '../../components/button';
import { Icon, type IconName } from '../../components/icons';
import { Progress } from '../../components/progress';
import type { ItemState, QueueItem } from '../../state/queue';
import { useApp } from '../context';

const ICONS: Readonly<Record<ItemState['at'], IconName>> = {
  waiting: 'waiting',
  working: 'again',
  done: 'check',
  failed: 'warning',
  unplaced: 'warning',
  cancelled: 'close',
};

const WORDS: Readonly<Record<ItemState['at'], string>> = {
  waiting: 'Waiting',
  working: 'Working',
  done: 'Done',
  failed: 'Failed',
  unplaced: 'Not placed',
  cancelled: 'Cancelled',
};

export function QueueView() {
  const { queue, learning } = useApp();
  const items = queue.items.value;
  const { all, left, done, failed } = queue.count.value;
  if (all === 0) return null;
  const { shown, after } = windowOf(items);
  return (
    <section class="section" aria-label="Queue">
      <div class="section-head">
        <h3 class="numbers">
          <span role="status">
            {left > 0 ? `Restyling ${Math.min(all, all - left + 1)} of ${all}` : `${done} of ${all} restyled`}
          </span>
        </h3>
        <div class="row">
          {left > 0 && <Button onClick={() => queue.cancelAll()}>Cancel all</Button>}
          {left === 0 && done > 0 && <Button onClick={() => void queue.reveal()}>Select</Button>}
          {failed > 0 && <Button onClick={() => queue.retry()}>Retry failed</Button>}
          {left === 0 && <IconButton icon="close" label="Clear the list" onClick={() => queue.clear()} />}
        </div>
      </div>
      <Progress fraction={(all - left) / all} label="All layers" />
      {left > 0 && learning.state.value.at === 'learning' && (
        <p class="quiet">Goes on when learning is over or paused.</p>
      )}
      <ul class="queue">
        {shown.map((item) => (
          <Row key={item.id} item={item} />
        ))}
        {after > 0 && <li class="quiet queue-more">{`${after} more wait`}</li>}
      </ul>
    </section>
  );
}

/** Rows of a long list: enough to scroll through, few enough to draw. */
const ROWS = 300;

/** Of a list that is too long to show, the rows around the one that is worked on and every one that failed. */
function windowOf(items: readonly QueueItem[]): { shown: readonly QueueItem[]; after: number } {
  if (items.length <= ROWS) return { shown: items, after: 0 };
  const at = items.findIndex(({ state }) => ['waiting', 'working'].includes(state.value.at));
  const from = at < 0 ? items.length - ROWS : Math.max(0, at - ROWS / 3);
  const failed = items.slice(0, from).filter(({ state }) => state.value.at === 'failed');
  const shown = items.slice(from, from + ROWS);
  return { shown: [...failed.slice(-ROWS), ...shown], after: Math.max(0, items.length - from - ROWS) };
}

/** Scrolls the list alone, and no more than it takes; the page stays where the user has it. */
function showInList(row: HTMLElement): void {
  const list = row.parentElement!;
  const top = row.offsetTop - list.offsetTop;
  const below = top + row.offsetHeight - list.clientHeight;
  list.scrollTop = Math.min(top, Math.max(list.scrollTop, below));
}

function Row({ item }: { item: QueueItem }) {
  const { queue } = useApp();
  const state = item.state.value;
  const over = state.at === 'failed' || state.at === 'cancelled' || state.at === 'unplaced';
  const row = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (state.at === 'working') showInList(row.current!);
  }, [state.at]);
  return (
    <li class="queue-item" ref={row}>
      <Icon name={ICONS[state.at]} class={`state-${state.at}`} />
      <span class="one-line" title={item.name}>
        {item.name}
      </span>
      {state.at === 'working' ? (
        <Progress fraction={state.fraction} label={item.name} />
      ) : (
        <span class="quiet">{WORDS[state.at]}</span>
      )}
      {(state.at === 'waiting' || state.at === 'working') && (
        <IconButton icon="close" label={`Cancel ${item.name}`} onClick={() => queue.cancel(item.id)} />
      )}
      {over && <IconButton icon="again" label={`Try ${item.name} again`} onClick={() => queue.retry(item.id)} />}
      {(state.at === 'failed' || state.at === 'unplaced') && <p class="reason">{state.reason}</p>}
      {state.at === 'unplaced' && (
        <p class="reason kept">
          The picture is kept here.{' '}
          <Button kind="link" onClick={() => queue.save(item.id)}>
            Save on disk
          </Button>{' '}
          <Button kind="link" onClick={() => queue.dismiss(item.id)}>
            Discard
          </Button>
        </p>
      )}
    </li>
  );
}
