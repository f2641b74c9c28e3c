/** Where a style is used: its results in this document, page by page. */
import { Button } from '../../components/button';
import { EmptyState, Message } from '../../components/message';
import { Progress } from '../../components/progress';
import { messageOf } from '../../state/errors';
import type { Uses } from '../../state/library';
import { counted } from '../../state/words';
import { useApp } from '../context';

export function UsesView({ styleId, uses }: { styleId: string; uses: Uses }) {
  const { library, services } = useApp();
  const name = library.find(styleId)?.name ?? 'This style';
  const found = uses.at === 'known' ? uses.uses : [];
  const pages = [...new Set(found.map(({ page }) => page))];
  const reveal = (ids: string[]): void =>
    void services.sandbox.call('reveal', { ids }).catch((error: unknown) => services.notices.error(messageOf(error)));
  return (
    <>
      <div class="body">
        <div>
          <h2>Where “{name}” is used</h2>
          {uses.at === 'known' && <p class="quiet">{counted(found.length, 'layer')} in this file</p>}
        </div>
        {uses.at === 'looking' && <Progress fraction={null} label="Looking through the file" />}
        {uses.at === 'failed' && (
          <Message
            kind="wrong"
            title="The file could not be searched"
            actions={<Button onClick={() => void library.findUses(styleId)}>Try again</Button>}
          >
            {uses.message}
          </Message>
        )}
        {uses.at === 'known' && found.length === 0 && (
          <EmptyState icon="styles" title="Not used yet">
            Layers restyled with it will be listed here.
          </EmptyState>
        )}
        {pages.map((page) => (
          <section class="section" key={page} aria-label={page}>
            <h3>{page}</h3>
            <ul class="styles">
              {found
                .filter((use) => use.page === page)
                .map((use) => (
                  <li key={use.id}>
                    <button type="button" class="style-row one-line" onClick={() => reveal([use.id])}>
                      {use.name}
                    </button>
                  </li>
                ))}
            </ul>
          </section>
        ))}
      </div>
      <div class="foot">
        <Button large onClick={() => library.closeUses()}>
          Back
        </Button>
        {found.length > 0 && pages.length === 1 && (
          <Button large onClick={() => reveal(found.map(({ id }) => id))}>
            Select all
          </Button>
        )}
      </div>
    </>
  );
}
