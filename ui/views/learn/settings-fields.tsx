/** The settings of learning that most people never need. */
import { Button } from '../../components/button';
import { Disclosure } from '../../components/disclosure';
import { NumberField } from '../../components/field';
import { complaintAbout, LEARN_RULES } from '../../state/learn-settings';
import { DEFAULT_LEARN_SETTINGS } from '../../state/pair';
import { useApp } from '../context';

export function LearnSettingsFields() {
  const { settings } = useApp().pair;
  return (
    <Disclosure title="Advanced">
      {LEARN_RULES.map((rule) => (
        <NumberField
          key={rule.key}
          beside
          label={rule.label}
          note={rule.hint}
          value={settings.value[rule.key]}
          complain={(value) => complaintAbout(rule, value)}
          onChange={(value) => (settings.value = { ...settings.value, [rule.key]: value })}
        />
      ))}
      <div>
        <Button onClick={() => (settings.value = DEFAULT_LEARN_SETTINGS)}>Reset</Button>
      </div>
    </Disclosure>
  );
}
