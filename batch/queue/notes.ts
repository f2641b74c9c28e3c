/** A worker's lines for the user, each said once while what it says lasts. */
export class Notes {
  readonly #said = new Set<string>();
  /** When the server last refused something for want of room, ms. */
  #fullAt = 0;

  /**
   * @param label of the server.
   * @param lastingMs for so long a server that is full is so without a word.
   */
  constructor(
    private readonly say: (line: string) => void,
    private readonly label: string,
    private readonly lastingMs: number,
  ) {}

  once(line: string): void {
    if (this.#said.has(line)) return;
    this.#said.add(line);
    this.say(line);
  }

  full(): void {
    this.#fullAt = Date.now();
    this.once(this.#fullLine);
  }

  /** A full server takes a result now and then: it has room when it has not refused any for a while. */
  stored(): void {
    if (Date.now() - this.#fullAt > this.lastingMs) this.#said.delete(this.#fullLine);
  }

  get #fullLine(): string {
    return `${this.label}: the server's memory or disk is full; free some, then the work goes on`;
  }
}
