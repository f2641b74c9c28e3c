/** Answers the panel's requests. Every request gets one reply, whatever happens. */
import * as v from 'valibot';
import { describeError } from '../common/errors';
import { readRequest, type Call, type Params, type Result, type ToPanel } from '../common/messages';

export type Handlers = { readonly [C in Call]: (params: Params<C>) => Promise<Result<C>> | Result<C> };

/** Sends to the panel that is open now; does nothing once that one is gone. */
export type Post = (message: ToPanel) => void;

/** Answers one message of the panel. What is not a request is refused, with its id if it has one. */
export async function answer(message: unknown, handlers: Handlers, post: Post): Promise<void> {
  const id = idOf(message);
  try {
    const { call, params } = readRequest(message);
    const handle = handlers[call] as (params: unknown) => unknown;
    const result = await handle(params);
    post({ type: 'reply', id, ok: true, result });
  } catch (error) {
    if (id < 0) return console.error(`Diptych: ${describeRefusal(error).message}`);
    post({ type: 'reply', id, ok: false, error: describeRefusal(error) });
  }
}

/** -1 when the message has none. */
function idOf(message: unknown): number {
  const id = (message as { id?: unknown } | null | undefined)?.id;
  return typeof id === 'number' && Number.isSafeInteger(id) && id >= 0 ? id : -1;
}

function describeRefusal(error: unknown): ReturnType<typeof describeError> {
  if (!v.isValiError(error)) return describeError(error);
  const [issue] = error.issues;
  const where = v.getDotPath(issue) ?? 'message';
  return { name: 'Error', message: `The panel sent a message the plugin does not know: ${where}: ${issue.message}` };
}
