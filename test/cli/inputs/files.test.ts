/** Files the commands read. */
import { reasonOf, readBytes } from '../../../cli/inputs/files';
import { desk, type Desk } from '../desk';

let d: Desk;
beforeEach(() => (d = desk()));
afterEach(() => d.close());

test('a missing file is one line', async () => {
  await expect(readBytes(d.at('none.png'))).rejects.toThrow(
    /none.png: cannot be read \(no such file or directory\); check the path$/,
  );
});

test.each([
  ['', /^the name of a file is empty/],
  ['.', /^\.: is a folder; name the files in it$/],
  ['*.jpg', /^\*\.jpg: no file matches; check the pattern$/],
  ['https://example.com/a.png', /is an address; download the file and give its path$/],
])('%j as a file is one line that helps', async (path, message) => {
  await expect(readBytes(path)).rejects.toThrow(message);
});

test.each([
  ["ENOENT: no such file or directory, open '/a/b, c'", 'no such file or directory'],
  ['ENOSPC: no space left on device, write', 'no space left on device'],
  ["EACCES: permission denied, mkdir '/a\nb'", 'permission denied'],
  ['no code of the system: X: y', 'no code of the system: X: y'],
])('%j is told as %j', (message, reason) => {
  expect(reasonOf(new Error(message))).toBe(reason);
});
