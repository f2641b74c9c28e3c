/** What the pair makes of a picture, before anything is learned. */
import { Picture } from '../../components/picture';
import { Progress } from '../../components/progress';
import type { Roles } from '../../state/pair';
import type { Shown } from '../../state/pair-preview';

export function PairPreviewView({ shown, roles }: { shown: Shown; roles: Roles }) {
  if (shown.at === 'none') return null;
  const { name } = roles.sample ?? roles.before;
  return (
    <div class="sample large" aria-busy={shown.at === 'working'}>
      <Picture png={shown.at === 'shown' ? shown.picture : null} alt={`Preview: ${name}`} />
      <div class="stack">
        <b>Preview, not learned</b>
        {shown.at === 'working' && <Progress fraction={null} label="Reading the pair" />}
        <p class="quiet">
          {shown.at === 'failed'
            ? `${shown.message}. Learning does not need it.`
            : `What the pair alone makes of “${name}”. Use it as it is, or learn the style.`}
        </p>
      </div>
    </div>
  );
}
