/** Whose messages the hosted panel takes: Figma's, and on the developer's own machine also those of pages there. */

const FIGMA = 'https://www.figma.com';

/** @param panel where the panel itself came from. */
export function trustedBy(panel: { readonly hostname: string }): (origin: string) => boolean {
  const developing = isLocal(panel.hostname);
  return (origin) => origin === FIGMA || (developing && URL.canParse(origin) && isLocal(new URL(origin).hostname));
}

const isLocal = (hostname: string): boolean => /^(.+\.)?localhost$|^127\.0\.0\.1$|^\[::1\]$/.test(hostname);
