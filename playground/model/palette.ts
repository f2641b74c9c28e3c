/** Quick actions: choose a command, give its parameters one after another with the plugin's suggestions, run it. */
import { signal } from '@preact/signals';
import type { ParameterValues } from '@figma/plugin-typings/plugin-api-standalone';
import type { Answer, Suggestion } from '../figma/plugin-run';
import type { App } from './app';
import type { Asking, MenuItem, MenuParameter } from './plugin-session';

export interface Choice {
  readonly label: string;
  readonly icon: Uint8Array | string | undefined;
  choose(): void;
}

export interface PaletteState {
  /** What was chosen so far, to stand before the field. */
  readonly trail: readonly string[];
  readonly placeholder: string;
  readonly choices: readonly Choice[];
  /** In place of choices: a reason there are none. */
  readonly message: string | null;
}

/** One opening of the palette, until something runs or it is closed. */
export class Palette {
  readonly state = signal<PaletteState>({ trail: [], placeholder: '', choices: [], message: null });
  /** What is in the field; emptied with every step. */
  readonly query = signal('');
  #asking: Asking | undefined;
  #ask: ((query: string) => void) | undefined;

  constructor(
    private readonly app: App,
    private readonly close: () => void,
  ) {
    this.type('');
  }

  type(query: string): void {
    this.query.value = query;
    if (this.#ask) this.#ask(query);
    else this.#offerCommands(query);
  }

  /** Ends without running anything. */
  cancel(): void {
    this.#asking?.cancel();
    this.close();
  }

  #offerCommands(query: string): void {
    const wanted = query.trim().toLowerCase();
    const { manifest } = this.app.plugin.files;
    const choices = manifest.menu
      .filter((item) => item.command !== undefined && item.name?.toLowerCase().includes(wanted))
      .map((item) => ({ label: item.name!, icon: undefined, choose: () => this.#choose(item) }));
    const message = choices.length === 0 ? 'No command has such a name' : null;
    this.state.value = { trail: [], placeholder: `What should ${manifest.name} do?`, choices, message };
  }

  #choose({ command, name, parameters = [] }: MenuItem): void {
    const asking = this.app.plugin.askFor(this.app.editor, command!);
    this.#asking = asking;
    this.#parameter(asking, [name!], parameters, {});
  }

  #parameter(asking: Asking, trail: readonly string[], left: readonly MenuParameter[], given: ParameterValues): void {
    const [parameter, ...later] = left;
    if (!parameter) {
      this.close();
      // Without any parameter given the plugin opens as from its menu.
      asking.begin(Object.keys(given).length > 0 ? given : undefined);
      return;
    }
    const next = (label: string, value: unknown): void =>
      this.#parameter(asking, [...trail, label], later, { ...given, [parameter.key]: value });
    const skip: readonly Choice[] = parameter.optional
      ? [{ label: 'Run', icon: undefined, choose: () => this.#parameter(asking, trail, [], given) }]
      : [];
    let asked = 0;
    this.#ask = (query) => {
      const question = ++asked;
      const placeholder = `${parameter.name}${parameter.description ? `: ${parameter.description}` : ''}`;
      const show = (answer: Answer): void => {
        if (question !== asked) return;
        this.state.value = { trail, placeholder, ...shown(answer, query === '' ? skip : [], next) };
      };
      asking.ask(parameter.key, query, given, show);
    };
    this.type('');
  }
}

function shown(
  answer: Answer,
  before: readonly Choice[],
  next: (label: string, value: unknown) => void,
): Pick<PaletteState, 'choices' | 'message'> {
  if (answer.kind !== 'suggestions') return { choices: before, message: answer.message };
  const choices = answer.suggestions.map((suggestion: Suggestion): Choice => {
    if (typeof suggestion === 'string') {
      return { label: suggestion, icon: undefined, choose: () => next(suggestion, suggestion) };
    }
    const { name, data = name, icon } = suggestion;
    return { label: name, icon, choose: () => next(name, data) };
  });
  return { choices: [...before, ...choices], message: null };
}
