/** Library: every style, what can be done with it, and how full the storage is. */
import { useRef } from 'preact/hooks';
import { Button } from '../../components/button';
import { EmptyState, Message } from '../../components/message';
import { Progress } from '../../components/progress';
import { bytesInWords } from '../../state/words';
import { useApp } from '../context';
import { StyleRow } from './style-row';
import { UsesView } from './uses-view';

export function LibraryView() {
  const { library, show } = useApp();
  const state = library.state.value;
  const styles = library.styles.value;
  const uses = library.uses.value;
  if (uses) return <UsesView styleId={uses.styleId} uses={uses.uses} />;
  return (
    <>
      <div class="body library">
        {state.at === 'loading' && <Progress fraction={null} label="Opening the library" />}
        {state.at === 'failed' && (
          <Message
            kind="wrong"
            title="The library could not be opened"
            actions={<Button onClick={() => void library.load()}>Try again</Button>}
          >
            {state.message}
          </Message>
        )}
        {state.at === 'ready' && styles.length === 0 && (
          <EmptyState
            icon="styles"
            title="No styles yet"
            actions={
              <Button kind="primary" onClick={() => show('learn')}>
                Learn a style
              </Button>
            }
          >
            Styles you learn or import are kept here, and those that teammates shared with this file.
          </EmptyState>
        )}
        {styles.length > 0 && (
          <ul class="styles">
            {styles.map((style) => (
              <StyleRow key={style.id} style={style} />
            ))}
          </ul>
        )}
      </div>
      <Foot />
    </>
  );
}

function Foot() {
  const { library } = useApp();
  const picker = useRef<HTMLInputElement>(null);
  const storage = library.storage.value;
  const share = storage ? storage.used / storage.quota : 0;
  const take = async (input: HTMLInputElement): Promise<void> => {
    const files = [...(input.files ?? [])];
    input.value = '';
    const read = async (file: File) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) });
    await library.importFiles(await Promise.all(files.map(read)));
  };
  return (
    <div class="foot">
      <div class="grow stack" style={{ gap: '6px' }}>
        {storage && (
          <>
            <div class={`usage ${share > 0.85 ? 'nearly-full' : ''}`}>
              <div style={{ width: `${Math.min(100, 100 * share)}%` }} />
            </div>
            <p class="quiet numbers">
              {bytesInWords(storage.used)} of {bytesInWords(storage.quota)} used
              {share > 0.85 && '. Export styles, or share them with a file, then delete them here.'}
            </p>
          </>
        )}
      </div>
      <input
        ref={picker}
        class="visually-hidden"
        type="file"
        accept=".safetensors,.json"
        multiple
        tabIndex={-1}
        aria-label="Style files to import"
        onChange={(event) => void take(event.currentTarget)}
      />
      <Button onClick={() => picker.current?.click()}>Import</Button>
    </div>
  );
}
