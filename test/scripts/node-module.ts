/** The build's modules run in Node as they are: jest would have to translate them first. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const ROOT = join(__dirname, '../..');
const urlOf = (path: string): string => pathToFileURL(join(ROOT, path)).href;

interface Answer {
  readonly value?: unknown;
  /** Of the error that was thrown. */
  readonly message?: string;
}

/** What a function of a module answers to these arguments; both are sent as JSON. */
export function answer(path: string, name: string, ...args: unknown[]): Answer {
  const code = `
    const { ${name} } = await import(${JSON.stringify(urlOf(path))});
    let value, message;
    try { value = await ${name}(...${JSON.stringify(args)}); } catch (error) { message = error.message; }
    console.log(JSON.stringify({ value, message }));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module'], {
    input: code,
    encoding: 'utf8',
    // Jest gives tests an environment of their own.
    env: process.env,
  });
  if (!stdout) throw new Error(stderr);
  return JSON.parse(stdout) as Answer;
}

/** The message of the error that a function of a module throws on these arguments; undefined when it returns. */
export function refusal(path: string, name: string, ...args: unknown[]): string | undefined {
  return answer(path, name, ...args).message;
}

export interface Served {
  readonly origin: string;
  readonly process: ChildProcess;
}

/** Starts a server by a function of a module, in a process of its own; end it by killing that. */
export async function serve(path: string, name: string, ...args: unknown[]): Promise<Served> {
  const code = `
    const { ${name} } = await import(${JSON.stringify(urlOf(path))});
    console.log((await ${name}(...${JSON.stringify(args)})).origin);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const origin = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (line: Buffer) => resolve(String(line).trim()));
    child.once('exit', (status) => reject(new Error(`the server ended with status ${status}`)));
  });
  return { origin, process: child };
}
