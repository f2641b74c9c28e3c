/** Models from the Hugging Face Hub: the size first, then the download, which can be stopped and taken up again. */
import { useState } from 'preact/hooks';
import { Button } from '../../components/button';
import { TextField } from '../../components/field';
import { Message } from '../../components/message';
import { Progress } from '../../components/progress';
import { isWhole, type Download } from '../../state/models';
import { bytesInWords } from '../../state/words';
import { useApp } from '../context';

export function DownloadSection() {
  const { models, build } = useApp();
  if (build === 'embedded') {
    return (
      <section class="section" aria-label="Other models">
        <h3>Other models</h3>
        <p class="quiet">
          This panel uses no network at all. To download models from the Hugging Face Hub, switch to the graphics card
          below. A folder on your disk works here too.
        </p>
      </section>
    );
  }
  const download = models.download.value;
  const partial = models.list.value.filter((facts) => !isWhole(facts) && facts.name.startsWith('hub:'));
  return (
    <section class="section" aria-label="Download a model">
      <h3>Download a model</h3>
      {!models.lasting.value && (
        <p class="quiet">
          The browser keeps nothing for this panel: what you download lasts until the plugin is closed.
        </p>
      )}
      <State download={download} />
      {download.at === 'none' &&
        partial.map(({ name, have, bytes }) => (
          <div class="row" key={name}>
            <span class="grow">
              <span class="one-line">{name.replace(/^hub:/, '')}</span>
              <br />
              <span class="quiet numbers">
                {bytesInWords(have)} of {bytesInWords(bytes)} are here
              </span>
            </span>
            <Button onClick={() => void models.look(name)}>Go on</Button>
            <Button onClick={() => void models.purge(name)}>Delete</Button>
          </div>
        ))}
    </section>
  );
}

function State({ download }: { download: Download }) {
  const { models } = useApp();
  switch (download.at) {
    case 'none':
      return <Ask typed="" />;
    case 'looking':
      return (
        <>
          <Progress fraction={null} label={`Looking for ${download.name}`} />
          <Button onClick={() => models.cancel()}>Cancel</Button>
        </>
      );
    case 'offered':
      return <Offer download={download} />;
    case 'fetching':
    case 'stopped':
      return <Fetching download={download} />;
    case 'failed':
      return (
        <>
          <Message
            kind="wrong"
            title={download.facts ? 'The download stopped' : 'The model could not be found'}
            actions={
              download.facts && (
                <>
                  <Button onClick={() => void models.fetch()}>Go on</Button>
                  <Button onClick={() => models.dismiss()}>Close</Button>
                </>
              )
            }
          >
            {download.message}
          </Message>
          {!download.facts && <Ask typed={download.name} />}
        </>
      );
  }
}

function Ask({ typed: before }: { typed: string }) {
  const { models } = useApp();
  const [typed, setTyped] = useState(before.replace(/^hub:/, ''));
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void models.look(typed);
      }}
    >
      <TextField
        label="Name on the Hugging Face Hub"
        placeholder="organisation/name"
        note="A Stable Diffusion 1.x, 2.x or XL model in diffusers format. Its size is asked first."
        value={typed}
        onInput={setTyped}
      />
      <div>
        <button type="submit" class="button secondary" disabled={typed.trim() === ''}>
          Look up
        </button>
      </div>
    </form>
  );
}

function Offer({ download: { facts } }: { download: Extract<Download, { at: 'offered' }> }) {
  const { models } = useApp();
  const { name, bytes, have } = facts;
  const needs = models.needs.value.get(name);
  const memory = models.machine.value?.memory ?? null;
  return (
    <>
      <dl class="facts">
        <dt>Model</dt>
        <dd>{name.replace(/^hub:/, '')}</dd>
        <dt>Download</dt>
        <dd class="numbers">
          {bytesInWords(bytes - have)}
          {have > 0 && `, ${bytesInWords(have)} are here`}
        </dd>
        {needs && 'learn' in needs ? (
          <>
            <dt>Memory to learn</dt>
            <dd class="numbers">about {bytesInWords(needs.learn)}</dd>
            <dt>Memory to restyle</dt>
            <dd class="numbers">about {bytesInWords(needs.restyle)}</dd>
          </>
        ) : (
          <>
            <dt>Memory needed</dt>
            <dd>{needs ? 'not known' : 'being worked out'}</dd>
          </>
        )}
        {memory !== null && (
          <>
            <dt>This computer has</dt>
            <dd class="numbers">{bytesInWords(memory)} or more</dd>
          </>
        )}
      </dl>
      {needs && 'problem' in needs && <Message kind="warning">{needs.problem}</Message>}
      {needs && 'learn' in needs && memory !== null && needs.learn > memory && (
        <Message kind="warning">
          {needs.restyle > memory ? 'Learning and restyling' : 'Learning'} on it may need more memory than this computer
          has.
        </Message>
      )}
      <div class="row">
        <Button kind="primary" onClick={() => void models.fetch()}>
          {isWhole(facts) ? 'Use it' : `Download ${bytesInWords(bytes - have)}`}
        </Button>
        <Button onClick={() => models.dismiss()}>Not now</Button>
      </div>
    </>
  );
}

function Fetching({ download }: { download: Extract<Download, { at: 'fetching' | 'stopped' }> }) {
  const { models } = useApp();
  const { facts, have, at } = download;
  return (
    <>
      <div class="row">
        <span class="grow one-line">{facts.name.replace(/^hub:/, '')}</span>
        <span class="quiet numbers">
          {bytesInWords(have)} of {bytesInWords(facts.bytes)}
        </span>
      </div>
      <Progress fraction={have / facts.bytes} label={`Downloading ${facts.name}`} />
      {at === 'fetching' ? (
        <div>
          <Button onClick={() => models.cancel()}>Stop</Button>
        </div>
      ) : (
        <div class="row">
          <Button kind="primary" onClick={() => void models.fetch()}>
            Go on
          </Button>
          <Button onClick={() => models.dismiss()}>Later</Button>
          <Button onClick={() => void models.purge(facts.name)}>Delete</Button>
        </div>
      )}
    </>
  );
}
