/** The build of the gallery gives a picture's bytes. */
declare module '*.png' {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
