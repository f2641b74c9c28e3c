/** What a queue's server offers, whichever it is, and what can be wrong with it. */
import { InputError } from '../../engine/errors';
import type { FileStore } from './files';
import type { Processor, Queue, QueueOptions, Worker, WorkerOptions } from 'bullmq';

/** What Diptych uses of either server. */
export interface QueueServer {
  /** The address without its password. */
  readonly label: string;
  queue<Data, Result>(name: string, options?: Partial<QueueOptions>): Queue<Data, Result>;
  /** Without a processor it fetches nothing. */
  worker<Data, Result>(
    name: string,
    processor: Processor<Data, Result> | undefined,
    options: Partial<WorkerOptions>,
  ): Worker<Data, Result>;
  /** Small files of batches whose workers share no disk. */
  readonly files: FileStore;
  /** What a processor throws after it has put its job back, so that BullMQ counts no try. */
  readonly putBack: { readonly delayed: () => Error; readonly waiting: () => Error };
  /** Closes the connections; queues and workers first. */
  close(): Promise<void>;
}

export interface ServerOptions {
  /** Whether a lost connection is waited for; if not, commands fail at once. */
  readonly patient: boolean;
  /** Said when the connection is lost, when it is back, and on what endangers jobs. */
  readonly note: (line: string) => void;
}

/** Why a connection was refused, in plain words, with how to fix it. */
export function connectionProblem(label: string, error: unknown): InputError {
  const { code, message } = error as NodeJS.ErrnoException;
  const text = `${code ?? ''} ${message}`;
  const [why, fix] = KNOWN_PROBLEMS.find(([pattern]) => pattern.test(text))?.[1] ?? [
    message.split('\n')[0]!,
    'check the address and the server',
  ];
  return new InputError(`--queue ${label}: ${why}; ${fix}`);
}

const KNOWN_PROBLEMS: readonly (readonly [RegExp, readonly [string, string]])[] = [
  [/WRONGPASS|28P01|invalid password/, ['the password is wrong', 'correct it in the address']],
  [/NOAUTH|28000|no password|SASL/i, ['the server wants a login', 'put USER:PASSWORD@ into the address']],
  [/ECONNREFUSED/, ['no server answers there', 'start it, or correct the address']],
  [/ENOTFOUND|EAI_AGAIN/, ['there is no such host', 'correct the address']],
  [/3D000/, ['there is no such database', 'create it, or correct the address']],
  [/ETIMEDOUT|timeout/i, ['no answer in time', 'check the address and the firewall']],
  [/DB index is out of range/, ['there is no database of that number', 'correct the number at the end of the address']],
];

/** Whether the server refused to store something because its memory or disk is full. */
export function isFull(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return /OOM command not allowed|MISCONF|53100|53200/.test(`${code ?? ''} ${message}`);
}
