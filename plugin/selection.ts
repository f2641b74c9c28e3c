/** What is selected, as the panel sees it, and telling it when that changes: a few times a second at most. */
import type { NodeSummary, Selection } from '../common/messages';
import { obstacleOf } from './nodes';
import { readParameters } from './parameters';

/** Changes within this time come as one, ms. */
const QUIET = 60;
/** The longest name that crosses; text layers are named by what they say. */
const LONGEST_NAME = 300;

export function readSelection(): Selection {
  const page = figma.currentPage;
  return { page: { id: page.id, name: shorten(page.name) }, nodes: page.selection.map(summarise) };
}

function summarise(node: SceneNode): NodeSummary {
  const { x, y, width, height } = node.absoluteBoundingBox ?? { x: 0, y: 0, width: 0, height: 0 };
  const { id, type } = node;
  const obstacle = obstacleOf(node);
  return { id, name: shorten(node.name), type, x, y, width, height, obstacle, result: readParameters(node) };
}

export function shorten(name: string): string {
  return name.slice(0, LONGEST_NAME);
}

/**
 * Watches the selection, the page, and the selected layers themselves (renamed, moved, hidden, undone). `tell` gets
 * what differs from what was told last.
 */
export class SelectionWatcher {
  readonly #tell: (selection: Selection) => void;
  #told = '';
  #ids = new Set<string>();
  #timer: number | null = null;
  #page: PageNode | null = null;

  constructor(tell: (selection: Selection) => void) {
    this.#tell = tell;
    figma.on('selectionchange', this.#changed);
    figma.on('currentpagechange', () => {
      this.#watchPage();
      this.#changed();
    });
    this.#watchPage();
  }

  /** The selection now; it counts as told. */
  read(): Selection {
    const selection = readSelection();
    this.#told = JSON.stringify(selection);
    this.#ids = new Set(selection.nodes.map(({ id }) => id));
    return selection;
  }

  /**
   * Tells at once what has changed. For changes the panel asked for: it takes them as made, so one that is undone
   * within the quiet time would otherwise leave nothing to tell.
   */
  tellNow(): void {
    const before = this.#told;
    const selection = this.read();
    if (this.#told !== before) this.#tell(selection);
  }

  #watchPage(): void {
    this.#page?.off('nodechange', this.#nodesChanged);
    this.#page = figma.currentPage;
    this.#page.on('nodechange', this.#nodesChanged);
  }

  readonly #nodesChanged = ({ nodeChanges }: NodeChangeEvent): void => {
    if (nodeChanges.some(({ id }) => this.#ids.has(id))) this.#changed();
  };

  readonly #changed = (): void => {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.tellNow();
    }, QUIET);
  };
}
