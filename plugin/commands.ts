/** Why the plugin was started: manifest.json's menu, quick actions and relaunch buttons as the panel's commands. */
import type { Command } from '../common/messages';

/** A command as Figma gives it; one that is not known here opens the panel. */
export function commandOf(name: string, parameters: ParameterValues | undefined): Command {
  switch (name) {
    case 'learn':
    case 'imagine':
    case 'tune':
    case 'again':
      return { name };
    case 'restyle':
      return { name, styleId: styleIn(parameters), strength: strengthIn(parameters) };
    default:
      return { name: 'open' };
  }
}

function styleIn(parameters: ParameterValues | undefined): string | null {
  const style: unknown = parameters?.style;
  return typeof style === 'string' && style ? style : null;
}

function strengthIn(parameters: ParameterValues | undefined): number | null {
  const strength: unknown = parameters?.strength;
  return typeof strength === 'number' && Number.isFinite(strength) ? strength : null;
}
