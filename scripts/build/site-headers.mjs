/** The headers that the hosted panel is served with. docs/hosting.md explains each. */

/** For every answer, wherever the files are served. */
export const ISOLATION = {
  // Isolates this document alone, in whatever page it is framed: shared memory, and so threads for WebAssembly.
  'Document-Isolation-Policy': 'isolate-and-require-corp',
  // What a page that is isolated itself requires of the frames in it.
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'cross-origin',
  'Access-Control-Allow-Origin': '*',
  'X-Content-Type-Options': 'nosniff',
};

/** What the panel may load. Its network is its own host, and the model hub once the user names a model there. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  'img-src data: blob:',
  "connect-src 'self' blob: data: https://huggingface.co https://*.huggingface.co https://*.hf.co",
  "base-uri 'none'",
  "form-action 'none'",
];

/** Figma's frames around the panel are both of this origin. */
const FIGMA = 'https://www.figma.com';
/** Pages of this machine: the playground and the tests. */
const LOCAL = ['http://localhost:*', 'http://*.localhost:*', 'http://127.0.0.1:*'];

const headersWithin = (ancestors) => ({
  ...ISOLATION,
  'Content-Security-Policy': [...POLICY, `frame-ancestors ${ancestors.join(' ')}`].join('; '),
});

/** For a published panel: no other site may frame it. */
export const HEADERS = headersWithin([FIGMA]);
/** For a panel served while developing. */
export const DEVELOPMENT_HEADERS = headersWithin([FIGMA, ...LOCAL]);

/** Names under assets/ carry a hash of what is in them. */
const IMMUTABLE = 'public, max-age=31536000, immutable';
const REVALIDATED = 'no-cache';

/** The Cache-Control of a path within the site, e.g. "assets/panel-0123.js". */
export const cacheControl = (path) => (path.startsWith('assets/') ? IMMUTABLE : REVALIDATED);

/** The file `_headers`, which Netlify and Cloudflare Pages read. */
export function siteHeaders() {
  const section = (pattern, headers) =>
    [pattern, ...Object.entries(headers).map(([name, value]) => `  ${name}: ${value}`)].join('\n');
  return `${section('/*', HEADERS)}\n${section('/assets/*', { 'Cache-Control': IMMUTABLE })}\n`;
}
