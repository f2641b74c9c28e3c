/** The page of scripts/screenshots.mjs: the panel in one of its states, which the address names with the theme. */
import '@preact/signals';
import { render } from 'preact';
import '../../../ui/style/panel.css';
import { AppContext } from '../../../ui/views/context';
import { PanelView } from '../../../ui/views/panel-view';
import type { Desk } from '../desk';
import { LEARN_STATES, PAIR_STATES } from './learn-states';
import { LIBRARY_STATES, MODEL_STATES, START_STATES } from './other-states';
import { IMAGINE_STATES, RESTYLE_STATES, TUNE_STATES } from './restyle-states';

const STATES: Readonly<Record<string, () => Promise<Desk>>> = {
  ...START_STATES,
  ...PAIR_STATES,
  ...LEARN_STATES,
  ...LIBRARY_STATES,
  ...RESTYLE_STATES,
  ...TUNE_STATES,
  ...IMAGINE_STATES,
  ...MODEL_STATES,
};

declare global {
  /** Names of all states. */
  var galleryStates: readonly string[];
  /** Shows a state in Figma's light or dark theme. */
  var showState: (name: string, theme: 'light' | 'dark') => Promise<void>;
}

globalThis.galleryStates = Object.keys(STATES);
globalThis.showState = async (name, theme) => {
  document.documentElement.className = `figma-${theme}`;
  const { app } = await STATES[name]!();
  render(
    <AppContext.Provider value={app}>
      <PanelView />
    </AppContext.Provider>,
    document.getElementById('panel')!,
  );
};
