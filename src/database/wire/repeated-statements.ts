/** As JDBC's driver does by default: before that a statement may be one of its kind. */
const USES_BEFORE_PREPARING = 5;
/**
 * Every connection keeps each of them. An application that writes values into its statements has no end of
 * them.
 */
const MOST_PREPARED = 100;
const MOST_COUNTED = 1_000;
const LONGEST = 8_192;
/**
 * Rows have a shape, and a prepared statement whose shape a migration changes fails for as long as its
 * connection lives.
 */
const RETURNS_ROWS = /\breturning\b|^(?!\s*(insert|update|delete|merge)\b)/i;

/**
 * Tells which statements of the host are worth preparing: those that come again and again. Parsing and
 * planning a small INSERT costs the server more than carrying it out.
 */
export class RepeatedStatements {
  private readonly names = new Map<string, string>();
  private readonly uses = new Map<string, number>();

  /** The name to prepare it under; undefined: it is to be sent as it is. */
  nameOf(sql: string, values: readonly unknown[]): string | undefined {
    // Without values it may be several statements. What the driver cannot convert makes it close the
    // statement and go on believing that it is prepared.
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
