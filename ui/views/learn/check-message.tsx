/** The verdict of the pair check, in plain words. */
import type { PairProblem } from '../../../engine/requests';
import { Button } from '../../components/button';
import { Message } from '../../components/message';
import { Progress } from '../../components/progress';
import type { PairCheck } from '../../state/pair';

const TITLES: Readonly<Record<PairProblem, string>> = {
  identical: 'These two look the same',
  unrelated: 'These two do not show the same thing',
  shifted: 'These two are not in the same place',
  scaled: 'These two are not drawn at the same size',
  mirrored: 'One of these is mirrored',
  size: 'These two differ in proportions',
  blank: 'One of these is empty',
};

export function CheckMessage({ check, onRetry }: { check: PairCheck; onRetry: () => void }) {
  switch (check.at) {
    case 'none':
      return null;
    case 'checking':
      return (
        <div class="stack" role="status">
          <Progress fraction={null} label="Looking at the pair" />
          <p class="quiet">Looking at the pair</p>
        </div>
      );
    case 'failed':
      return (
        <Message
          kind="wrong"
          title="The pair could not be looked at"
          actions={<Button onClick={onRetry}>Try again</Button>}
        >
          {check.message}
        </Message>
      );
    case 'known': {
      const { usable, verdict, problems } = check.verdict;
      if (usable) {
        return (
          <Message kind="good" title={problems.length ? 'A good pair, once moved' : 'A good pair'}>
            {verdict}
          </Message>
        );
      }
      return (
        <Message kind="warning" title={TITLES[problems[0]!]}>
          {verdict}
        </Message>
      );
    }
  }
}
