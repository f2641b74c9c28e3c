/**
 * The document in the plugin's window, shown as Figma does: a frame with a data: document, which has no origin and no
 * secure context, writes the plugin's html into itself. The html may then lead elsewhere, which gives it an origin.
 */
import type { UiOptions } from '../figma/ports';
import { themeClass, themeCss, type Theme } from './theme';

/** Writes the html it is sent in its own place. */
const LOADER = `<script>
onmessage = ({ data }) => {
  onmessage = null;
  document.open();
  document.write(data.html);
  document.close();
};
</script>`;

/** Stands in front of the plugin's html, as what Figma puts there; follows the theme. */
const themed = (theme: Theme): string => `<!doctype html><html class="${themeClass(theme)}">
<style id="figma-style">${themeCss(theme)}</style>
<script>
addEventListener('message', ({ data }) => {
  if (!data || !data.figmaTheme) return;
  document.documentElement.className = data.figmaTheme.name;
  document.getElementById('figma-style').textContent = data.figmaTheme.css;
});
</script>`;

export class PanelFrame {
  readonly element: HTMLIFrameElement;
  readonly #listen: (event: MessageEvent) => void;
  #theme: Theme;

  /**
   * @param html resolves with what the plugin shows.
   * @param receive told of what the document posts to the page it is in.
   */
  constructor(
    html: Promise<string>,
    { title, themeColors }: UiOptions,
    theme: Theme,
    receive: (data: unknown, origin: string) => void,
  ) {
    this.#theme = theme;
    this.element = document.createElement('iframe');
    this.element.title = `${title} panel`;
    this.element.allow = 'clipboard-write';
    this.element.src = `data:text/html;charset=utf-8,${encodeURIComponent(LOADER)}`;
    this.element.addEventListener(
      'load',
      () => {
        void html.then((text) => {
          const head = themeColors ? themed(this.#theme) : '<!doctype html>';
          this.element.contentWindow?.postMessage({ html: head + text }, '*');
        });
      },
      { once: true },
    );
    this.#listen = (event) => {
      if (event.source === this.element.contentWindow) receive(event.data, event.origin);
    };
    addEventListener('message', this.#listen);
  }

  post(message: unknown, origin: string): void {
    this.element.contentWindow?.postMessage(message, origin);
  }

  set theme(theme: Theme) {
    this.#theme = theme;
    this.post({ figmaTheme: { name: themeClass(theme), css: themeCss(theme) } }, '*');
    // The hosted panel got the theme in its address; on this page's own server it can be told of another one.
    const hosted = documentOf(this.element);
    if (hosted) hosted.documentElement.className = themeClass(theme);
  }

  close(): void {
    removeEventListener('message', this.#listen);
    this.element.remove();
  }
}

/** null for a document of another origin. */
function documentOf(frame: HTMLIFrameElement): Document | null {
  try {
    return frame.contentDocument;
  } catch {
    return null;
  }
}
