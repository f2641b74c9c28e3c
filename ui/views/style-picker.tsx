/** Choosing one style, or several to blend, each with its strength. */
import { Button, IconButton } from '../components/button';
import { Message } from '../components/message';
import { Thumb } from '../components/picture';
import { StrengthSlider } from '../components/strength-slider';
import { useApp } from './context';

export function StylePicker() {
  const { library, choice } = useApp();
  const chosen = choice.chosen.value;
  const foreign = library.styles.value.find((style) => choice.has(style.id) && !library.fits(style));
  return (
    <>
      <section class="section" aria-label="Styles">
        <div class="section-head">
          <h3>{chosen.length > 1 ? 'Blend' : 'Style'}</h3>
          <span class="quiet">{chosen.length > 1 ? `${chosen.length} styles` : 'Pick several to blend'}</span>
        </div>
        <div class="pick">
          {library.styles.value.map(({ id, name, thumbnail }) => (
            <button type="button" key={id} aria-pressed={choice.has(id)} title={name} onClick={() => choice.toggle(id)}>
              <Thumb png={thumbnail} />
              <span class="one-line">{name}</span>
            </button>
          ))}
        </div>
      </section>
      {foreign && (
        <Message kind="warning" title={`“${foreign.name}” was learned on another model`}>
          Choose {foreign.model?.name} under Model to use it.
        </Message>
      )}
      {chosen.length > 0 && (
        <section class="section" aria-label="Strengths">
          {chosen.map(({ id, name, strength }) => (
            <StrengthSlider
              key={id}
              label={chosen.length > 1 ? name : 'Strength'}
              value={strength}
              onDrag={(value) => choice.setStrength(id, value)}
              onRelease={(value) => choice.setStrength(id, value)}
            >
              {chosen.length > 1 && (
                <IconButton icon="close" label={`Take ${name} out`} onClick={() => choice.toggle(id)} />
              )}
            </StrengthSlider>
          ))}
        </section>
      )}
    </>
  );
}

/** Shown where a style is needed and there is none. */
export function NoStyles() {
  const { show } = useApp();
  return (
    <>
      <Button kind="primary" onClick={() => show('learn')}>
        Learn a style
      </Button>
      <Button onClick={() => show('library')}>Import one</Button>
    </>
  );
}
