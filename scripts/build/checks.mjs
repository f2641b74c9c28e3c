/** What Figma or our own promises forbid in the files of the plugin. Each check throws an Error that says where. */

/** Figma refuses a plugin whose code holds this text anywhere, in comments and strings too. */
export function refuseImportCalls(code) {
  const at = code.indexOf('import(');
  if (at < 0) return;
  throw new Error(`code.js holds "import(", which Figma refuses; it is in ...${around(code, at)}...`);
}

/** Addresses that scripts may name, for they name and do not fetch. */
const NAMES_ONLY = [
  // Namespaces.
  'http://www.w3.org/',
  // Said in a message of ONNX Runtime.
  'https://web.dev/cross-origin-isolation-guide/',
  // The hub's client is in the panel for its other build; the panel's policy stops it here, and the Model view says so.
  'https://huggingface.co',
];

/** Ways to the network that nothing in the panel needs. `fetch` is not among them: data: and blob: addresses use it. */
const WAYS_OUT = /\bimport\s*\(|\bimportScripts\b|\bXMLHttpRequest\b|\bWebSocket\b|\bEventSource\b|\bsendBeacon\b/;

/**
 * The panel's script: no ways to the network, and no addresses. What a script computes cannot be seen here; the
 * document's own Content-Security-Policy (embedded.mjs) stops that in the browser.
 */
export function refuseNetworkInPanel(code) {
  const way = WAYS_OUT.exec(code);
  if (way) throw new Error(`the embedded panel would reach the network by ${way[0]}: ...${around(code, way.index)}...`);
  refuseAddresses('the embedded panel', code);
}

/** Addresses in a script. Of the engine's worker only these are checked: ONNX Runtime holds code it does not run here. */
export function refuseAddresses(name, code) {
  for (const { 0: address, index } of code.matchAll(/\b(?:https?|wss?):\/\/[^\s"'`\\)<>]+/g)) {
    // A scheme alone, as in `${'https://'}`, and template holes name nobody.
    if (!NAMES_ONLY.some((known) => address.startsWith(known))) {
      throw new Error(`${name} names ${address}, and must not fetch anything: ...${around(code, index)}...`);
    }
  }
}

/** Attributes by which an element fetches or leads away. */
const FETCHING_ATTRIBUTE =
  /\s(?:src|srcset|href|action|formaction|poster|data|background)\s*=(?!\s*["']?(?:data:|blob:|#))/i;
const FETCHING_ELEMENT = /^<(?:link|iframe|object|embed|base|frame)\b/i;

/** The markup around scripts and styles: no element that fetches. */
export function refuseFetchingMarkup(html) {
  const markup = html.replace(/(<(script|style)\b[^>]*>)[\s\S]*?(<\/\2>)/gi, '$1$3');
  for (const [tag] of markup.matchAll(/<[a-z][^>]*>/gi)) {
    if (FETCHING_ATTRIBUTE.test(tag) || FETCHING_ELEMENT.test(tag) || /http-equiv=["']?refresh/i.test(tag)) {
      throw new Error(`ui.html would fetch something by ${tag}`);
    }
  }
}

/** A style sheet that fetches fonts, images or other sheets. */
export function refuseFetchingStyles(css) {
  const found = /@import\b|url\((?!\s*["']?(?:data:|#))|image-set\(/i.exec(css);
  if (found) throw new Error(`ui.html's style sheet would fetch something: ...${around(css, found.index)}...`);
}

/**
 * Whether the manifest lets the panel come from `host`, an address like "https://example.org/diptych". Figma's entries
 * are origins, hosts, or either with a leading "*." for subdomains; a path stands for a folder if it ends with a slash.
 */
export function requireAllowedHost(host, manifest) {
  const { allowedDomains = [], devAllowedDomains = [] } = manifest.networkAccess ?? {};
  const { protocol, host: hostName, pathname } = new URL(`${host}/index.html`);
  // Figma honours devAllowedDomains for whoever runs the plugin while developing; what is published must not name them.
  const published = protocol === 'https:';
  const local = devAllowedDomains.find((entry) => /\/\/(localhost|127\.0\.0\.1)\b/.test(entry));
  if (published && local)
    throw new Error(
      `a plugin whose panel is at ${host} must not trust a server on the user's machine; remove "${local}" from networkAccess.devAllowedDomains in manifest.json`,
    );
  const allowed = [...allowedDomains, ...(published ? [] : devAllowedDomains)].some((entry) => {
    const [, scheme, domain, path = ''] = /^(?:([a-z]+:)\/\/)?([^/]+)(\/.*)?$/.exec(entry) ?? [];
    if (!domain || (scheme && scheme !== protocol)) return false;
    // As in a Content-Security-Policy, which Figma makes of it.
    if (path && !(path.endsWith('/') ? pathname.startsWith(path) : pathname === path)) return false;
    return domain.startsWith('*.') ? hostName.endsWith(domain.slice(1)) : hostName === domain;
  });
  if (allowed) return;
  throw new Error(
    `the hosted panel is at ${host}, which manifest.json does not allow; add "${new URL(host).origin}" to networkAccess.allowedDomains`,
  );
}

const around = (text, at) => text.slice(Math.max(0, at - 40), at + 60).replace(/\s+/g, ' ');
