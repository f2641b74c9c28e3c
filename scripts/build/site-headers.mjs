/** The headers that the hosted panel is served with. docs/hosting.md explains each. */

/** For every answer. */
export const HEADERS = {
  // Isolates this document alone, in whatever page it is framed: shared memory, and so threads for WebAssembly.
  'Document-Isolation-Policy': 'isolate-and-require-corp',
  // What a page that is isolated itself requires of the frames in it.
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'cross-origin',
  'Access-Control-Allow-Origin': '*',
  'X-Content-Type-Options': 'nosniff',
};

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
