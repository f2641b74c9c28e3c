/** What a published panel says of itself to the browser. */
import { answer } from './node-module';

const headers = String(answer('scripts/build/site-headers.mjs', 'siteHeaders').value);
const policy = new Map(
  /Content-Security-Policy: (.*)/
    .exec(headers)![1]!
    .split('; ')
    .map((directive) => {
      const [name, ...sources] = directive.split(' ');
      return [name!, sources];
    }),
);

test('no site but Figma may frame it, no loopback address either', () => {
  expect(policy.get('frame-ancestors')).toEqual(['https://www.figma.com']);
});

test('it runs its own scripts alone, none from text', () => {
  expect(policy.get('default-src')).toEqual(["'none'"]);
  expect(policy.get('script-src')).toEqual(["'self'", "'wasm-unsafe-eval'"]);
  expect(policy.get('worker-src')).toEqual(["'self'"]);
  expect(policy.get('base-uri')).toEqual(["'none'"]);
  expect(headers).not.toMatch(/'unsafe-(?:eval|inline)'/);
});

test('it reaches its own host and the model hub alone', () => {
  const hosts = policy.get('connect-src')!.filter((source) => source.includes('//'));
  expect(hosts).toEqual(['https://huggingface.co', 'https://*.huggingface.co', 'https://*.hf.co']);
});
