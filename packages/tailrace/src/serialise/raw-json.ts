/** JSON that Tailrace itself has put together: redacted and bounded already, and written as it is. */
export class RawJson {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text, where it is one. Asked by the private field: `instanceof` would ask a proxy, which may throw. */
  static textOf(value: object | null): string | undefined {
    return value !== null && #text in value ? value.#text : undefined;
  }
}
