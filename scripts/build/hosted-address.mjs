/** Where the hosted panel is: DIPTYCH_HOST at build time. */

/** Where `npm run serve` serves it. */
export const DEVELOPMENT_ADDRESS = 'http://localhost:8137';

/** The address without a slash at its end; '' where DIPTYCH_HOST is "none", for a plugin without the hosted panel. */
export function hostedAddress() {
  const given = process.env.DIPTYCH_HOST || DEVELOPMENT_ADDRESS;
  if (given === 'none') return '';
  if (!URL.canParse(given) || !/^https?:\/\//.test(given) || /[?#]/.test(given)) {
    throw new Error(`DIPTYCH_HOST is "${given}"; give an address like https://example.org/diptych, or "none"`);
  }
  return given.replace(/\/+$/, '');
}
