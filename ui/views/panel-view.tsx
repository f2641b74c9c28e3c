/** The panel: tabs, the view that is open, what goes on in the others, and notices. */
import type { ComponentChild } from 'preact';
import { Button, IconButton } from '../components/button';
import { Icon } from '../components/icons';
import { Message } from '../components/message';
import { Progress } from '../components/progress';
import { Tabs } from '../components/tabs';
import type { Tab } from '../state/app';
import { secondsInWords } from '../state/words';
import { useApp } from './context';
import { ImagineView } from './imagine-view';
import { LearnView } from './learn/learn-view';
import { LibraryView } from './library/library-view';
import { ModelView } from './model/model-view';
import { RestyleView } from './restyle/restyle-view';

const TABS: readonly { readonly id: Tab; readonly label: string }[] = [
  { id: 'learn', label: 'Learn' },
  { id: 'restyle', label: 'Restyle' },
  { id: 'library', label: 'Styles' },
  { id: 'imagine', label: 'Imagine' },
  { id: 'model', label: 'Model' },
];

const VIEWS: Readonly<Record<Tab, () => ComponentChild>> = {
  learn: LearnView,
  restyle: RestyleView,
  library: LibraryView,
  imagine: ImagineView,
  model: ModelView,
};

export function PanelView() {
  const app = useApp();
  const start = app.start.value;
  if (start.at === 'starting') {
    return (
      <main class="panel">
        <p class="starting" role="status">
          Starting
        </p>
      </main>
    );
  }
  if (start.at === 'failed') {
    return (
      <main class="panel">
        <div class="body" style={{ padding: '16px' }}>
          <Message
            kind="wrong"
            title="Diptych could not start"
            actions={<Button onClick={() => void app.open()}>Try again</Button>}
          >
            {start.message}
          </Message>
        </div>
      </main>
    );
  }
  const place = app.place.value;
  const View = VIEWS[place];
  return (
    <main class="panel">
      <Tabs label="Diptych" tabs={TABS} chosen={place} onChoose={app.show} />
      <div class="page" id="page" role="tabpanel" aria-labelledby={`tab-${place}`}>
        <View />
      </div>
      <Activity />
      <NoticeList />
    </main>
  );
}

/** What goes on in a view that is not open; a click goes there. */
function Activity() {
  const { place, show, learning, queue } = useApp();
  const learned = learning.state.value;
  const { all, left } = queue.count.value;
  if ((learned.at === 'learning' || learned.at === 'preparing') && place.value !== 'learn') {
    const { name } = learned;
    const { step, steps, secondsLeft } = learned.at === 'learning' ? learned : { step: 0, steps: 0, secondsLeft: null };
    const rest = secondsLeft === null ? '' : `, ${secondsInWords(secondsLeft)} left`;
    return (
      <button type="button" class="activity" onClick={() => show('learn')}>
        <span class="grow one-line">
          Learning “{name}”{rest}
        </span>
        <Progress fraction={steps > 0 ? step / steps : null} label={`Learning ${name}`} />
      </button>
    );
  }
  if (left > 0 && place.value !== 'restyle') {
    return (
      <button type="button" class="activity" onClick={() => show('restyle')}>
        <span class="grow one-line numbers">
          Restyling {Math.min(all, all - left + 1)} of {all}
        </span>
        <Progress fraction={(all - left) / all} label="Restyling" />
      </button>
    );
  }
  return null;
}

function NoticeList() {
  const { notices } = useApp().services;
  return (
    <div class="notices" aria-live="polite">
      {notices.list.value.map(({ id, kind, text, action }) => (
        <div key={id} class={`notice ${kind}`} role={kind === 'error' ? 'alert' : undefined}>
          {kind === 'error' && <Icon name="warning" />}
          <p>{text}</p>
          {action && (
            <Button kind="secondary" onClick={() => notices.act(id)}>
              {action.label}
            </Button>
          )}
          <IconButton icon="close" label="Close" onClick={() => notices.close(id)} />
        </div>
      ))}
    </div>
  );
}
