/**
 * A statement is prepared when it is used more often than this. A statement that was used less often may
 * never come again. The JDBC driver has the same default.
 */
const USES_BEFORE_PREPARING = 5;
/**
 * The maximum number of prepared statements, because every connection keeps all of them. An application that
 * writes values into the text of its statements makes new statements without end.
 */
const MOST_PREPARED = 100;
const MOST_COUNTED = 1_000;
const LONGEST = 8_192;
/**
 * Statements that return rows are not prepared. If a migration changes the shape of their rows, the prepared
 * statement fails for as long as its connection lives.
 */
const RETURNS_ROWS = /\breturning\b|^(?!\s*(insert|update|delete|merge)\b)/i;

/**
 * Decides which statements of the host are worth preparing: those that come again and again. Parsing and
 * planning a small INSERT costs the server more than carrying it out.
 */
export class RepeatedStatements {
  private readonly names = new Map<string, string>();
  private readonly uses = new Map<string, number>();

  /** The name to prepare a statement under. Undefined if it must be sent without preparing. */
  nameOf(sql: string, values: readonly unknown[]): string | undefined {
    // A text without values may be several statements. A value that the driver cannot convert makes the
    // driver close the statement and go on as if it were prepared.
    if (values.length === 0 || !values.every(isPlain)) return undefined;
    return this.names.get(sql) ?? this.consider(sql);
  }

  private consider(sql: string): string | undefined {
    if (this.names.size === MOST_PREPARED) return undefined;
    const uses = (this.uses.get(sql) ?? 0) + 1;
    if (uses <= USES_BEFORE_PREPARING) {
      if (this.uses.size === MOST_COUNTED) this.uses.clear();
      this.uses.set(sql, uses);
      return undefined;
    }
    if (sql.length > LONGEST || RETURNS_ROWS.test(sql)) return undefined;
    this.uses.delete(sql);
    const name = `nestjs_integration_${this.names.size + 1}`;
    this.names.set(sql, name);
    return name;
  }
}

function isPlain(value: unknown): boolean {
  return typeof value !== 'object' || value === null || value instanceof Date || Buffer.isBuffer(value);
}
