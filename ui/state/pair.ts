/** Pair: which two of the selected layers to learn from, what the check says of them, and the settings of learning. */
import { batch, computed, effect, signal, untracked, type ReadonlySignal } from '@preact/signals-core';
import { LEARN_DEFAULTS } from '../../engine/defaults';
import type { PairProblem, PairVerdict } from '../../engine/requests';
import type { NodeSummary } from '../../common/messages';
import type { Png } from '../ports';
import { messageOf } from './errors';
import { guessPrompt, guessStyleName, orderPair, pickPair } from './pair-guess';
import { PairPreview } from './pair-preview';
import type { Services } from './services';

/** Long side of the pictures that are checked and learned from, px. */
export const LEARN_SIDE = 512;

export interface Roles {
  readonly before: NodeSummary;
  readonly after: NodeSummary;
  /** Restyled now and then while learning, to watch the style grow. */
  readonly sample: NodeSummary | null;
}

export type PairCheck =
  | { readonly at: 'none' }
  | { readonly at: 'checking' }
  | { readonly at: 'known'; readonly verdict: PairVerdict }
  | { readonly at: 'failed'; readonly message: string };

export interface LearnSettings {
  readonly steps: number;
  readonly contentSteps: number;
  readonly rank: number;
  readonly learningRate: number;
  readonly seed: number;
  /** Steps between two live samples. */
  readonly sampleEvery: number;
}

export const DEFAULT_LEARN_SETTINGS: LearnSettings = {
  steps: LEARN_DEFAULTS.steps,
  contentSteps: LEARN_DEFAULTS.contentSteps,
  rank: LEARN_DEFAULTS.rank,
  learningRate: LEARN_DEFAULTS.learningRate,
  seed: LEARN_DEFAULTS.seed,
  sampleEvery: 40,
};

export class PairFlow {
  readonly #services: Services;
  readonly #onScreen: ReadonlySignal<boolean>;
  readonly #freeName: () => string;
  readonly #roles = signal<Roles | null>(null);
  readonly #check = signal<PairCheck>({ at: 'none' });
  readonly #pictures = signal<ReadonlyMap<string, Png>>(new Map());
  /** Counts checks, so that the answer to an older one is dropped. */
  #round = 0;
  #edited = { prompt: false, style: false };
  /** The two layers that were selected last, as one string. */
  #pair = '';

  readonly roles: ReadonlySignal<Roles | null> = this.#roles;
  readonly check: ReadonlySignal<PairCheck> = this.#check;
  /** Pictures of the layers in the roles, by layer id, as they come in. */
  readonly pictures: ReadonlySignal<ReadonlyMap<string, Png>> = this.#pictures;
  /** What the pair makes of the live sample, or of its own before image where there is none. */
  readonly preview: PairPreview;
  readonly prompt = signal('');
  readonly styleName = signal('');
  readonly settings = signal<LearnSettings>(DEFAULT_LEARN_SETTINGS);

  /** What to select, while no pair is. */
  readonly advice: ReadonlySignal<string | null> = computed(() =>
    this.#roles.value ? null : adviceFor(this.#services.selection.value.nodes),
  );

  /** With three layers selected: the pair among them and a live sample, for the user to agree to. */
  readonly offer: ReadonlySignal<Roles | null> = computed(() => {
    const { nodes } = this.#services.selection.value;
    if (this.#roles.value || nodes.length !== 3 || nodes.some(({ obstacle }) => obstacle)) return null;
    const [before, after, sample] = pickPair([nodes[0]!, nodes[1]!, nodes[2]!]);
    return { before, after, sample };
  });

  readonly canLearn: ReadonlySignal<boolean> = computed(
    () => this.#roles.value !== null && isLearnable(this.#check.value) && this.styleName.value.trim() !== '',
  );

  /**
   * @param onScreen whether a pair is being chosen: only then are layers drawn and checked.
   * @param freeName a name for a style where the layers' names say none.
   */
  constructor(services: Services, onScreen: ReadonlySignal<boolean>, freeName: () => string) {
    this.#services = services;
    this.#onScreen = onScreen;
    this.#freeName = freeName;
    this.preview = new PairPreview(services.engine);
    effect(() => {
      if (onScreen.value && services.selection.value.nodes.length > 0) services.engine.prepareToShow();
    });
    effect(() => {
      const { nodes } = services.selection.value;
      untracked(() => batch(() => this.#follow(nodes)));
    });
    effect(() => {
      if (onScreen.value && this.#check.peek().at === 'none') untracked(() => this.recheck());
    });
  }

  swap(): void {
    const roles = this.#roles.value;
    if (roles) this.#take({ ...roles, before: roles.after, after: roles.before });
  }

  /** Agrees to the offer. */
  takeOffer(): void {
    if (this.offer.value) this.#take(this.offer.value);
  }

  editCaption(text: string): void {
    this.#edited.prompt = true;
    this.prompt.value = text;
  }

  editStyleName(text: string): void {
    this.#edited.style = true;
    this.styleName.value = text;
  }

  /** Looks at the pair again, e.g. after an export failed. */
  recheck(): void {
    const roles = this.#roles.value;
    if (roles) void this.#look(roles);
  }

  #follow(nodes: readonly NodeSummary[]): void {
    const roles = this.#roles.value;
    const held = roles && [roles.before, roles.after, ...(roles.sample ? [roles.sample] : [])];
    const byId = new Map(nodes.map((node) => [node.id, node]));
    if (held?.length === nodes.length && held.every(({ id }) => byId.has(id))) return this.#refresh(roles!, byId);
    this.#drop();
    if (nodes.length !== 2 || nodes.some(({ obstacle }) => obstacle)) return;
    const pair = nodes
      .map(({ id }) => id)
      .sort()
      .join();
    // What the user typed is kept while the same two layers are selected again.
    if (pair !== this.#pair) this.#edited = { prompt: false, style: false };
    this.#pair = pair;
    const [before, after] = orderPair(nodes[0]!, nodes[1]!);
    this.#take({ before, after, sample: null });
  }

  /** The same layers, changed: only what changes their pixels asks for another look. */
  #refresh(roles: Roles, byId: ReadonlyMap<string, NodeSummary>): void {
    const now = (node: NodeSummary): NodeSummary => byId.get(node.id)!;
    const next = { before: now(roles.before), after: now(roles.after), sample: roles.sample && now(roles.sample) };
    if ([next.before, next.after].some(({ obstacle }) => obstacle)) return this.#drop();
    const resized = [
      [roles.before, next.before],
      [roles.after, next.after],
    ].some(([a, b]) => a!.width !== b!.width || a!.height !== b!.height);
    this.#roles.value = next;
    if (resized) void this.#look(next);
  }

  #drop(): void {
    this.#round++;
    this.preview.clear();
    this.#roles.value = null;
    this.#check.value = { at: 'none' };
    this.#pictures.value = new Map();
  }

  #take(roles: Roles): void {
    this.#roles.value = roles;
    if (!this.#edited.prompt) this.prompt.value = guessPrompt(roles.before.name, roles.after.name);
    if (!this.#edited.style) {
      this.styleName.value = guessStyleName(roles.before.name, roles.after.name) || this.#freeName();
    }
    void this.#look(roles);
  }

  async #look({ before, after, sample }: Roles): Promise<void> {
    const round = ++this.#round;
    const { sandbox, engine } = this.#services;
    this.preview.clear();
    this.#check.value = { at: this.#onScreen.value ? 'checking' : 'none' };
    if (!this.#onScreen.value) return;
    const draw = async ({ id }: NodeSummary): Promise<Png> => {
      const { png } = await sandbox.call('exportNode', { id, size: LEARN_SIDE });
      if (round === this.#round) this.#pictures.value = new Map([...this.#pictures.value, [id, png]]);
      return png;
    };
    let check: PairCheck;
    try {
      const pair = { before: await draw(before), after: await draw(after) };
      const checked = engine.check(pair.before, pair.after);
      // What it rejects with is thrown below, in its turn.
      checked.catch(() => undefined);
      const picture = sample ? await draw(sample) : pair.before;
      // Beside the check, so that the picture comes at once; it is taken back where the pair turns out to be none.
      if (round === this.#round) void this.preview.show({ ...pair, picture });
      check = { at: 'known', verdict: await checked };
    } catch (error) {
      check = { at: 'failed', message: messageOf(error) };
    }
    if (round !== this.#round) return;
    if (!isLearnable(check)) this.preview.clear();
    this.#check.value = check;
  }
}

/** Problems that no wish to learn anyway gets over. */
const HOPELESS: ReadonlySet<PairProblem> = new Set(['identical', 'blank', 'size']);

function isLearnable(check: PairCheck): boolean {
  return check.at === 'known' && !check.verdict.problems.some((problem) => HOPELESS.has(problem));
}

function adviceFor(nodes: readonly NodeSummary[]): string {
  const barred = nodes.find(({ obstacle }) => obstacle);
  if (nodes.length === 0) return 'Select two layers: one as it was before, and the same one redrawn after.';
  if (nodes.length === 1) return `“${nodes[0]!.name}” is selected. Hold Shift and select its other version too.`;
  if (nodes.length > 3) return `${nodes.length} layers are selected. Select two: one before, one after.`;
  if (barred) return `“${barred.name}” cannot be learned from. ${barred.obstacle}`;
  return 'Three layers are selected. Select two: one before, one after.';
}
