/** Learn: choosing a pair, or the learning that is under way, waits or is over. */
import { useApp } from '../context';
import { LearningView } from './learning-view';
import { OutcomeView } from './outcome-view';
import { PairView } from './pair-view';

export function LearnView() {
  const { learning } = useApp();
  const state = learning.state.value;
  switch (state.at) {
    case 'idle':
      return <PairView />;
    case 'preparing':
    case 'learning':
    case 'saving':
      return <LearningView state={state} />;
    default:
      return <OutcomeView state={state} />;
  }
}
