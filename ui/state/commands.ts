/** What the menu, quick actions and relaunch buttons ask for. */
import type { Command } from '../../common/messages';
import type { Library } from './library';
import type { RestyleQueue } from './queue';
import type { Services } from './services';
import type { StyleChoice } from './style-choice';

/** What a command acts on: the part of the panel's state that it needs. */
export interface CommandTarget {
  readonly services: Services;
  readonly library: Library;
  readonly choice: StyleChoice;
  readonly queue: RestyleQueue;
  readonly show: (tab: 'learn' | 'restyle' | 'imagine') => void;
  /** Queues what is selected with the styles chosen. */
  readonly restyleSelection: () => void;
}

/** Opens the place where a command is carried out, and begins what it names. */
export function obey(app: CommandTarget, command: Command): void {
  switch (command.name) {
    case 'open':
      return app.show(placeFor(app));
    case 'learn':
      return app.show('learn');
    case 'tune':
      return app.show('restyle');
    case 'imagine':
      return app.show('imagine');
    case 'again':
      return again(app);
    case 'restyle':
      return restyle(app, command.styleId, command.strength);
  }
}

/** Where a designer who selected this most likely wants to go. */
function placeFor({ services, library }: CommandTarget): 'learn' | 'restyle' {
  const { nodes } = services.selection.value;
  if (nodes.some(({ result }) => result)) return 'restyle';
  return nodes.length === 2 || library.styles.value.length === 0 ? 'learn' : 'restyle';
}

/** An imagined picture has no source to be made from again: its settings are shown instead. */
function again({ show, queue, services }: CommandTarget): void {
  const results = services.selection.value.nodes.filter(({ result }) => result);
  const restyled = results.filter(({ result }) => result?.kind === 'restyled');
  show('restyle');
  if (restyled.length > 0) queue.addAgain(restyled);
  else if (results.length === 0) services.notices.error('Select results of Diptych to restyle them again');
}

function restyle(app: CommandTarget, styleId: string | null, strength: number | null): void {
  const { choice, library, services } = app;
  app.show('restyle');
  if (styleId === null) return;
  const style = library.find(styleId);
  if (!style) return void services.notices.error('That style is neither in your library nor in this file any more');
  choice.only(styleId, strength ?? 1);
  if (services.selection.value.nodes.length > 0) app.restyleSelection();
  else services.notices.info(`Select what to restyle with “${style.name}”`);
}
