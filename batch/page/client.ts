/** The page in the browser: asks for the batches every second and shows what changed. */
import type { BatchStatus, FinishedPicture } from '../status';

const LOOK_MS = 1000;
const PICTURES_SHOWN = 120;

const trouble = document.getElementById('trouble')!;
const main = document.getElementById('batches')!;
const views = new Map<string, BatchView>();

type Child = Node | string;

function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = '',
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** One batch; its parts are kept, so that pictures do not load again and nothing jumps. */
class BatchView {
  readonly root = element('section', 'batch');
  readonly #state = element('span', 'state');
  readonly #bar = element('div', 'bar');
  readonly #numbers = element('div', 'numbers');
  readonly #failures = element('div');
  readonly #sheetTitle = element('h3');
  readonly #sheet = element('div', 'sheet');
  readonly #pictures = new Map<string, HTMLElement>();
  #failuresShown = '';

  constructor(
    private readonly name: string,
    { spec }: BatchStatus,
  ) {
    const head = element('div', 'head', element('h2', '', name), this.#state);
    const styles = spec.styles.map(({ path }) => fileName(path)).join(' + ');
    const where = element('div', 'where', `${styles} on ${spec.model.name}, into ${spec.output}`);
    this.root.append(head, this.#bar, this.#numbers, where, this.#failures, this.#sheetTitle, this.#sheet);
  }

  show(status: BatchStatus): void {
    const { state, total, counts, perSecond, secondsLeft } = status;
    this.#state.textContent = state;
    this.#state.className = `state ${state}`;
    this.#bar.replaceChildren(
      ...(['done', 'failed', 'running'] as const).map((part) => {
        const piece = element('i', part);
        piece.style.width = `${(100 * counts[part]) / Math.max(1, total)}%`;
        return piece;
      }),
    );
    const number = (value: number, text: string): HTMLElement =>
      element('span', '', element('b', '', value.toLocaleString('en')), ` ${text}`);
    this.#numbers.replaceChildren(
      number(counts.done, `of ${total.toLocaleString('en')} done`),
      number(counts.running, 'running'),
      number(counts.waiting + counts.delayed, 'waiting'),
      number(counts.failed, 'failed'),
      ...(perSecond ? [element('span', '', rate(perSecond))] : []),
      ...(perSecond && secondsLeft ? [element('span', '', `${duration(secondsLeft)} left`)] : []),
    );
    this.#showTrouble(status);
    this.#showPictures(status.recent.slice(0, PICTURES_SHOWN));
  }

  #showTrouble({ failures, refusals, retryable }: BatchStatus): void {
    const key = JSON.stringify([failures, refusals]);
    if (key === this.#failuresShown) return;
    this.#failuresShown = key;
    const parts: Child[] = [];
    if (refusals.length > 0) {
      parts.push(element('h3', '', 'Refused by workers'));
      parts.push(element('ul', '', ...refusals.map(({ worker, reason }) => element('li', '', `${worker}: ${reason}`))));
    }
    if (failures.length > 0) {
      const title = element('h3', '', `Failed (${failures.length})`);
      const retryButton = (text: string, key?: string): Child[] => {
        if (!retryable) return [];
        const button = element('button', '', text);
        button.onclick = () => void retry(this.name, key, button);
        return [button];
      };
      parts.push(element('div', 'title', title, ...retryButton('Try all again')));
      if (!retryable) parts.push(element('p', 'where', 'Run the same diptych batch command again to try these again.'));
      const items = failures.map(({ key, reason, tries }) =>
        element('li', '', element('span', '', `${reason} (${tries} tries)`), ...retryButton('Try again', key)),
      );
      parts.push(element('ul', '', ...items));
    }
    this.#failures.replaceChildren(...parts);
  }

  #showPictures(pictures: readonly FinishedPicture[]): void {
    this.#sheetTitle.textContent = pictures.length > 0 ? 'Before and after, the latest first' : '';
    const figures = pictures.map((picture) => {
      const id = `${picture.key} ${picture.time}`;
      const known = this.#pictures.get(id);
      if (known) return known;
      const made = this.#figure(picture);
      this.#pictures.set(id, made);
      return made;
    });
    const ids = new Set(pictures.map(({ key, time }) => `${key} ${time}`));
    for (const id of this.#pictures.keys()) if (!ids.has(id)) this.#pictures.delete(id);
    if (figures.some((figure, i) => this.#sheet.children[i] !== figure)) this.#sheet.replaceChildren(...figures);
  }

  #figure({ key, input, outputs }: FinishedPicture): HTMLElement {
    const image = (which: string, text: string): HTMLImageElement => {
      const made = element('img');
      made.loading = 'lazy';
      made.alt = text;
      made.src = `/picture/${encodeURIComponent(this.name)}/${encodeURIComponent(key)}/${which}`;
      return made;
    };
    const name = fileName(input);
    const images = [image('before', `${name} before`), ...outputs.map((path, i) => image(String(i), fileName(path)))];
    const figure = element('figure', '', element('div', 'pair', ...images), element('figcaption', '', name));
    figure.title = input;
    return figure;
  }
}

async function retry(batch: string, key: string | undefined, button: HTMLButtonElement): Promise<void> {
  button.disabled = true;
  const path = ['retry', batch, ...(key === undefined ? [] : [key])].map(encodeURIComponent).join('/');
  const answer = await fetch(`/${path}`, { method: 'POST', headers: { 'x-diptych': '1' } });
  if (!answer.ok) trouble.textContent = await answer.text();
  button.disabled = false;
}

async function look(): Promise<void> {
  try {
    const answer = await fetch('/batches.json');
    if (!answer.ok) throw new Error(await answer.text());
    const batches = ((await answer.json()) as BatchStatus[]).sort((a, b) => b.spec.created - a.spec.created);
    if (trouble.dataset['kind'] === 'look') trouble.textContent = '';
    for (const status of batches) {
      const view = views.get(status.name) ?? new BatchView(status.name, status);
      views.set(status.name, view);
      view.show(status);
    }
    const roots = batches.map(({ name }) => views.get(name)!.root);
    if (roots.length === 0) main.replaceChildren(element('p', 'empty', 'There is no batch yet.'));
    else if (roots.some((root, i) => main.children[i] !== root)) main.replaceChildren(...roots);
  } catch (error) {
    trouble.dataset['kind'] = 'look';
    trouble.textContent = `The batches cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

const fileName = (path: string): string => path.split(/[\\/]/).at(-1)!;

function rate(perSecond: number): string {
  return perSecond >= 1 ? `${perSecond.toFixed(1)} a second` : `${(60 * perSecond).toFixed(1)} a minute`;
}

function duration(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

void look();
setInterval(() => void look(), LOOK_MS);
