/** What the build refuses in the plugin's files. */
import { refusal } from './node-module';

const check = (name: string, ...args: unknown[]): string | undefined =>
  refusal('scripts/build/checks.mjs', name, ...args);

test('code.js may not hold an import call, wherever it stands', () => {
  expect(check('refuseImportCalls', 'var a = 1; /* import (x) */ important();')).toBeUndefined();
  expect(check('refuseImportCalls', 'say("no import(x) here")')).toBe(
    'code.js holds "import(", which Figma refuses; it is in ...say("no import(x) here")...',
  );
});

test.each([
  ['const m = await import("./x.js")', /import\(/],
  ['new WebSocket(a)', /WebSocket/],
  ['navigator.sendBeacon(a)', /sendBeacon/],
  ['fetch("https://example.org/x")', /https:\/\/example\.org\/x/],
  ['open(`http://example.org/${x}`)', /http:\/\/example\.org/],
])('the embedded panel may not do: %s', (code, expected) => {
  expect(check('refuseNetworkInPanel', code)).toMatch(expected);
});

test('names that look like addresses, and what is in the document, are fine', () => {
  const code = 'createElementNS("http://www.w3.org/2000/svg"); fetch("data:,x"); fetch(URL.createObjectURL(blob))';
  expect(check('refuseNetworkInPanel', code)).toBeUndefined();
});

test.each([
  '<script src="panel.js"></script>',
  "<img alt='' src='//example.org/x.png'>",
  '<link rel="stylesheet" href="panel.css">',
  '<a href=https://example.org>x</a>',
  '<meta http-equiv="refresh" content="0;url=x">',
  '<iframe srcdoc="x"></iframe>',
])('ui.html may not hold %s', (tag) => {
  expect(check('refuseFetchingMarkup', `<!doctype html><body>${tag}</body>`)).toMatch(
    /^ui\.html would fetch something/,
  );
});

test('markup in scripts is no markup of the page', () => {
  const html = '<style>a{}</style><script>x = "<img src=a>"</script><img src="data:,x"><a href="#x">x</a>';
  expect(check('refuseFetchingMarkup', html)).toBeUndefined();
});

test('style sheets may only hold data', () => {
  expect(
    check('refuseFetchingStyles', 'a{background:url(data:image/png;base64,AA)} b{mask:url("#m")}'),
  ).toBeUndefined();
  expect(check('refuseFetchingStyles', '@font-face{src:url(inter.woff2)}')).toMatch(/url\(inter/);
  expect(check('refuseFetchingStyles', '@import "a.css";')).toMatch(/@import/);
});

describe('the hosted address', () => {
  const allows = (host: string, ...allowedDomains: string[]): boolean =>
    check('requireAllowedHost', host, { networkAccess: { allowedDomains } }) === undefined;

  test.each([
    ['https://example.org', 'https://example.org', true],
    ['https://example.org/diptych', 'example.org', true],
    ['https://a.example.org', '*.example.org', true],
    ['https://example.org', '*.example.org', false],
    ['https://badexample.org', 'example.org', false],
    ['http://example.org', 'https://example.org', false],
    ['https://example.org/diptych', 'https://example.org/diptych/', true],
    ['https://example.org/diptych', 'https://example.org/diptych', false],
    ['https://example.org/other', 'https://example.org/diptych/', false],
    ['http://localhost:8137', 'http://localhost:8137', true],
    ['http://localhost:9000', 'http://localhost:8137', false],
    ['https://example.org', 'none', false],
  ])('%s under %s', (host, entry, allowed) => {
    expect(allows(host, entry)).toBe(allowed);
  });

  test('a published plugin trusts no server on the user’s machine', () => {
    const networkAccess = { allowedDomains: ['https://example.org'], devAllowedDomains: ['http://localhost:8137'] };
    expect(check('requireAllowedHost', 'https://example.org', { networkAccess })).toBe(
      'a plugin whose panel is at https://example.org must not trust a server on the user\'s machine; remove "http://localhost:8137" from networkAccess.devAllowedDomains in manifest.json',
    );
    expect(check('requireAllowedHost', 'http://localhost:8137', { networkAccess })).toBeUndefined();
  });

  test('says what to add', () => {
    expect(check('requireAllowedHost', 'https://example.org/diptych', {})).toBe(
      'the hosted panel is at https://example.org/diptych, which manifest.json does not allow; add "https://example.org" to networkAccess.allowedDomains',
    );
  });
});

test.each(['example.org', 'ftp://example.org', 'https://example.org/?x', 'https://'])('DIPTYCH_HOST=%s', (address) => {
  process.env['DIPTYCH_HOST'] = address;
  try {
    expect(refusal('scripts/build/hosted-address.mjs', 'hostedAddress')).toBe(
      `DIPTYCH_HOST is "${address}"; give an address like https://example.org/diptych, or "none"`,
    );
  } finally {
    delete process.env['DIPTYCH_HOST'];
  }
});

test('a bundle past its budget is refused', () => {
  expect(refusal('scripts/build/budgets.mjs', 'keepBudget', 'code.js', 'x'.repeat(1000))).toBeUndefined();
  expect(refusal('scripts/build/budgets.mjs', 'keepBudget', 'code.js', 'x'.repeat(1_000_001))).toMatch(
    /^code\.js is 1001 kB, more than its budget of \d+ kB; /,
  );
});
