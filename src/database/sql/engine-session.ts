/** Runs statements in one open transaction, or through the pool. */
export interface EngineSession {
  /** Runs one statement and resolves to its rows. bigint columns are read as numbers. */
  query<Row = Record<string, unknown>>(sql: string, params?: readonly unknown[]): Promise<Row[]>;
}
