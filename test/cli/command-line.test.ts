/** Command lines to type again, and text that comes from files. */
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { invocation, quote, withOption } from '../../cli/command-line';
import { printable, printableJson, printableProgress, UNSAFE } from '../../cli/terminal/printable';

const HOSTILE = 'a\x1b]0;owned\x07b\x9b2J\u202egnp.\u2066x\r\n';

test('words are quoted as a shell needs them', () => {
  expect(['a-b/c.png', "it's", '', 'two words'].map((word) => quote(word, 'linux'))).toEqual([
    'a-b/c.png',
    `'it'\\''s'`,
    `''`,
    `'two words'`,
  ]);
  expect(quote('two words', 'win32')).toBe('"two words"');
});

test('bash reads a quoted word as it was, and it shows no control characters', () => {
  const words = fc.array(
    fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(HOSTILE, "\\'", '$(x)', '`', '-n', '!', 'é😀\n', "'\x1b'")),
    { minLength: 1, maxLength: 20 },
  );
  fc.assert(
    fc.property(words, (given) => {
      // A word of a command line cannot hold NUL.
      const clean = given.map((word) => word.replaceAll('\0', ''));
      const line = clean.map((word) => quote(word, 'linux')).join(' ');
      expect(line.search(UNSAFE)).toBe(-1);
      const { stdout } = spawnSync('bash', ['-c', `printf '%s\\0' ${line}`], { env: { LC_ALL: 'C.UTF-8' } });
      expect(stdout.toString().split('\0').slice(0, -1)).toEqual(clean);
    }),
    { numRuns: 20 },
  );
});

test('an option goes before the files that follow "--"', () => {
  expect(withOption(['learn', 'a', 'b'], '--resume')).toEqual(['learn', 'a', 'b', '--resume']);
  expect(withOption(['learn', '--', '-a', '-b'], '--resume')).toEqual(['learn', '--resume', '--', '-a', '-b']);
  expect(withOption(['learn', '--resume', 'a'], '--resume')).toEqual(['learn', '--resume', 'a']);
});

test.each([
  [
    'npx diptych',
    ['node', '/c/npm/_npx/1/node_modules/.bin/diptych'],
    { npm_command: 'exec', PATH: '/c/npm/_npx/1/node_modules/.bin' },
  ],
  ['diptych', ['node', '/usr/local/bin/diptych'], { PATH: '/bin:/usr/local/bin' }],
  ['node dist/cli/diptych.mjs', ['node', '/home/x/dist/cli/diptych.mjs'], { PATH: '/bin' }],
  ['node /opt/d/cli.mjs', ['node', '/opt/d/cli.mjs'], {}],
  // A folder on the path, but not that of the command; and a script on it, which a shell does not start by its name.
  ['node /opt/d/diptych', ['node', '/opt/d/diptych'], { PATH: '/bin::/opt' }],
  ['node /opt/d/diptych.mjs', ['node', '/opt/d/diptych.mjs'], { PATH: '/opt/d' }],
])('%s', (wanted, argv, env) => {
  expect(invocation({ argv, env }, '/home/x')).toBe(wanted);
});

test('foreign text cannot act on the terminal', () => {
  expect(printable(HOSTILE)).toBe('a\\x1b]0;owned\\x07b\\x9b2J\\u202egnp.\\u2066x\\r\\n');
  expect(printableProgress(`\r\x1b[K50 % ${HOSTILE}`)).toBe(
    '\r\x1b[K50 % a\\x1b]0;owned\\x07b\\x9b2J\\u202egnp.\\u2066x\\r\n',
  );
  expect(printableProgress('x\r\x1b[K')).toBe('x\\r\\x1b[K');
  // Letters of every script pass, also the joiners that some need.
  const letters = 'Äß語 नमस्ते 👩‍👧';
  expect(printable(letters)).toBe(letters);
});

test('JSON means the same and is one printable line', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const given = { value, hostile: HOSTILE };
      const text = printableJson(given);
      expect(text.search(UNSAFE)).toBe(-1);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(given)));
    }),
  );
});
