/** What earlier versions of the plugin kept, in today's words. */

/** Styles and drafts once called the prompt "caption". */
export function withPrompt(kept: unknown): unknown {
  if (typeof kept !== 'object' || kept === null || 'prompt' in kept || !('caption' in kept)) return kept;
  const { caption, ...rest } = kept;
  return { ...rest, prompt: caption };
}
