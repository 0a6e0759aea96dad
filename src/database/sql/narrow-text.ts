const LAST_ASCII = 0x7f;

/** What a database can hold whose encoding is not UTF8. */
export class NarrowText {
  private constructor(
    readonly encoding: string,
    /** Beyond ASCII; undefined: any bytes, uninterpreted. */
    private readonly held: ReadonlySet<string> | undefined,
  ) {}

  static ofCharacters(encoding: string, held: string): NarrowText {
    return new NarrowText(encoding, new Set(held));
  }

  /** SQL_ASCII keeps bytes as they come, and counts them where others count characters. */
  static ofBytes(encoding: string): NarrowText {
    return new NarrowText(encoding, undefined);
  }

  /**
   * Why the database could not hold a text, of at most so many characters in its column; undefined if it can.
   */
  problemOf(text: string, columnWidth = Number.POSITIVE_INFINITY): string | undefined {
    if (this.held === undefined) {
      return Buffer.byteLength(text) > columnWidth
        ? `has more than ${columnWidth} bytes, which is what the database, whose encoding is ${this.encoding}, counts`
        : undefined;
    }
    const missing = [...text].find((character) => !this.holds(character));
    return missing === undefined
      ? undefined
      : `contains ${markOf(missing)}, a character that the database, whose encoding is ${this.encoding}, cannot hold`;
  }

  /** With a mark in the place of what cannot be held, in all texts of a statement's value. */
  replaceIn(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((each) => this.replaceIn(each));
    if (typeof value !== 'string' || this.problemOf(value) === undefined) return value;
    return [...value].map((character) => (this.holds(character) ? character : markOf(character))).join('');
  }

  private holds(character: string): boolean {
    return (
      this.held === undefined || (character.codePointAt(0) ?? 0) <= LAST_ASCII || this.held.has(character)
    );
  }
}

/** Nothing in it means anything in JSON, in an array or in SQL. */
function markOf(character: string): string {
  return `<U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}>`;
}
