/** The plugin's buttons for what is selected, as Figma shows them in its sidebar. */
import type { Scene } from '../figma/scene';
import type { PluginManifest } from './plugin-session';

export interface RelaunchButton {
  readonly command: string;
  readonly name: string;
  readonly description: string;
}

/** A button shows when every selected node has it; with several selected only if the manifest says so. */
export function relaunchButtons(
  manifest: PluginManifest,
  scene: Scene,
  selection: readonly string[],
): readonly RelaunchButton[] {
  const [first, ...others] = selection;
  if (first === undefined) return [];
  return (manifest.relaunchButtons ?? [])
    .filter(({ command, multipleSelection }) => {
      if (others.length > 0 && !multipleSelection) return false;
      return selection.every((id) => command in (scene.find(id)?.relaunchData ?? {}));
    })
    .map(({ command, name }) => ({ command, name, description: scene.get(first).relaunchData[command]! }));
}
