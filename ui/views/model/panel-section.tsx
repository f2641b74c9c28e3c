/** Whether the panel uses this computer's graphics card, and what that means for the network. */
import { Button } from '../../components/button';
import { useApp } from '../context';

export function PanelSection() {
  const { models, build, host, learning, queue } = useApp();
  const busy = learning.running || learning.unkept || queue.count.value.left > 0;
  const address = host.value;
  if (build === 'hosted') {
    return (
      <section class="section" aria-label="Graphics card">
        <h3>Graphics card</h3>
        <p class="quiet">
          The panel was loaded from {address ?? 'a server'} so that it can use this computer’s graphics card. Your
          layers, pictures and styles stay on this computer.
        </p>
        <div>
          <Button disabled={busy} onClick={() => void models.switchPanel('embedded')}>
            Use no network
          </Button>
        </div>
        {busy && <Wait />}
      </section>
    );
  }
  if (!address) return null;
  return (
    <section class="section" aria-label="Graphics card">
      <h3>Graphics card</h3>
      <p class="quiet">
        Figma lets a panel use the graphics card only when it comes from a web server. Only the panel’s own code is
        loaded, from {address}. Your layers, pictures and styles stay on this computer.
      </p>
      <div>
        <Button disabled={busy} onClick={() => void models.switchPanel('hosted')}>
          Use this computer’s GPU
        </Button>
      </div>
      {busy && <Wait />}
    </section>
  );
}

function Wait() {
  return <p class="quiet">Can be changed when nothing is being learned or restyled, and what was learned is saved.</p>;
}
