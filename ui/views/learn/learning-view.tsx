/** Learning under way: how far, how well, how long still, and how it looks so far. */
import { Button } from '../../components/button';
import { LossChart } from '../../components/loss-chart';
import { Picture } from '../../components/picture';
import { Progress } from '../../components/progress';
import type { LearningState } from '../../state/learning';
import { secondsInWords } from '../../state/words';
import { useApp } from '../context';

type Running = Extract<LearningState, { at: 'preparing' | 'learning' | 'saving' }>;

export function LearningView({ state }: { state: Running }) {
  const { learning } = useApp();
  const steps = state.at === 'learning' ? state : null;
  const stopping = steps?.stopping ?? null;
  return (
    <>
      <div class="body">
        <div>
          <h2>Learning “{state.name}”</h2>
          <p class="quiet" role="status">
            {wordsFor(state)}
          </p>
        </div>
        <div class="stack">
          <div class="row">
            <span class="big-number grow">{steps ? `${Math.floor((100 * steps.step) / steps.steps)}%` : '0%'}</span>
            {steps && (
              <span class="quiet numbers">
                Step {steps.step} of {steps.steps}
              </span>
            )}
          </div>
          <Progress fraction={steps ? steps.step / steps.steps : null} label={`Learning ${state.name}`} />
        </div>
        {steps && steps.losses.length > 1 && <LossChart losses={steps.losses} steps={steps.steps} />}
        {steps?.sample && (
          <div class="sample large">
            <Picture png={steps.sample} alt="Live sample" />
            <p>
              <b>Live sample</b>
              <br />
              <span class="quiet">The style so far, on the third layer.</span>
            </p>
          </div>
        )}
        {steps && (
          <p class="quiet">
            You can go on working, change the selection or switch tabs meanwhile. Restyling waits until the style is
            learned.
          </p>
        )}
      </div>
      <div class="foot">
        <Button large disabled={!steps || stopping !== null} onClick={() => learning.pause()}>
          {stopping === 'pause' ? 'Pausing' : 'Pause'}
        </Button>
        <Button large disabled={state.at === 'saving' || stopping !== null} onClick={() => learning.cancel()}>
          {stopping === 'cancel' ? 'Cancelling' : 'Cancel'}
        </Button>
      </div>
    </>
  );
}

function wordsFor(state: Running): string {
  if (state.at === 'saving') return 'Saving to your library';
  if (state.at === 'preparing') return 'Getting the pair and the model ready';
  if (state.secondsLeft === null) return 'Working out how long it takes';
  return `About ${secondsInWords(state.secondsLeft)} left`;
}
