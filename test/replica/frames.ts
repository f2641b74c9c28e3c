/**
 * Figma's frames around a plugin's panel: the editor's page holds a frame, which holds a frame with a Content-Security-
 * Policy, which holds a `data:` document that writes the panel's HTML over itself. Messages are passed on both ways.
 */

/** The editor's page. dist/test/replica.js is bundled from page.ts. */
const EDITOR =
  '<!doctype html><link rel="icon" href="data:,"><title>Replica of Figma</title><script src="/dist/test/replica.js"></script>';

/** What the editor sends to the frame it made. */
export interface OpenPanel {
  readonly html: string;
  /** Origins the panel may go to, as manifest.json allows them. */
  readonly domains: readonly string[];
  /** "figma-light" or "figma-dark". */
  readonly theme: string;
}

/** In the first frame: makes the second one, and passes messages on. */
function outerFrame(policyFrame: string): void {
  addEventListener('message', (event: MessageEvent<unknown>) => {
    const inner = document.querySelector('iframe')?.contentWindow;
    if (event.source === inner) return parent.postMessage(event.data, '*');
    if (event.source !== parent) return;
    if (inner) return inner.postMessage(event.data, '*');
    const { domains } = (event.data as { open: { domains: readonly string[] } }).open;
    const allowed = ['data: blob:', ...domains].join(' ');
    const policy = `default-src ${allowed}; script-src 'unsafe-inline' 'unsafe-eval' ${allowed}; style-src 'unsafe-inline'`;
    const frame = document.createElement('iframe');
    frame.srcdoc = policyFrame.replace('POLICY', policy);
    frame.style.cssText = 'position: fixed; inset: 0; width: 100%; height: 100%; border: 0';
    frame.onload = () => frame.contentWindow!.postMessage(event.data, '*');
    document.body.append(frame);
  });
}

/** In the second frame, under the policy: makes the panel's document, and passes messages on with their origins. */
function middleFrame(loader: string): void {
  let html = '';
  addEventListener('message', (event: MessageEvent<unknown>) => {
    const panel = document.querySelector('iframe')?.contentWindow;
    if (event.source === parent) {
      const { open } = event.data as { open?: { html: string; theme: string } };
      if (!open) return panel?.postMessage(event.data, '*');
      // The theme is there before the panel's own markup; a second <html> only adds to the first.
      html = `<!doctype html><html class="${open.theme}">${open.html}`;
      const frame = document.createElement('iframe');
      frame.src = `data:text/html;charset=utf-8,${encodeURIComponent(loader)}`;
      frame.style.cssText = 'position: fixed; inset: 0; width: 100%; height: 100%; border: 0';
      document.body.append(frame);
    } else if (event.source === panel) {
      if (event.data === 'panel frame is there') panel?.postMessage(html, '*');
      else parent.postMessage({ data: event.data, origin: event.origin }, '*');
    }
  });
}

/** In the panel's document, until it is written over. */
function writePanel(): void {
  addEventListener(
    'message',
    (event: MessageEvent<string>) => {
      document.open();
      document.write(event.data);
      document.close();
    },
    { once: true },
  );
  parent.postMessage('panel frame is there', '*');
}

const call = (code: (...given: never[]) => void, ...given: string[]): string =>
  // A script's text ends at its first "</script", also within a string.
  `<script>(${String(code)})(${given.map((text) => JSON.stringify(text).replaceAll('</', '<\\/')).join()})</script>`;

const LOADER = call(writePanel);
const MIDDLE = `<!doctype html><meta http-equiv="Content-Security-Policy" content="POLICY"><body>${call(middleFrame, LOADER)}`;
const OUTER = `<!doctype html><body>${call(outerFrame, MIDDLE)}`;

/** The pages of the replica by their paths on a server. */
export const FRAME_PAGES: Readonly<Record<string, string>> = { '/': EDITOR, '/plugin-frame': OUTER };
