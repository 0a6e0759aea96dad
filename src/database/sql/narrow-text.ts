const LAST_ASCII = 0x7f;

/** The texts that a database can hold if its encoding is not UTF8. */
export class NarrowText {
  private constructor(
    readonly encoding: string,
    /**
     * The characters beyond ASCII that it can hold. Undefined if it keeps any bytes without interpreting
     * them.
     */
    private readonly held: ReadonlySet<string> | undefined,
  ) {}

  static ofCharacters(encoding: string, held: string): NarrowText {
    return new NarrowText(encoding, new Set(held));
  }

  /** For SQL_ASCII, which keeps bytes as they come. Its columns count bytes where others count characters. */
  static ofBytes(encoding: string): NarrowText {
    return new NarrowText(encoding, undefined);
  }

  /**
   * The reason why the database cannot hold a text in a column of `columnWidth` characters. Undefined if it
   * can.
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

  /** Replaces what the database cannot hold by a mark, in all texts of a value. */
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

/** The mark for a character. None of its characters has a meaning in JSON, in an array or in SQL. */
function markOf(character: string): string {
  return `<U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}>`;
}
