import type { NamedStatement } from './named-statement.js';
import type { WireRow } from './wire-row.js';

/** Runs statements whose rows are taken one by one. */
export interface RowSource {
  /**
   * Runs a statement of the hot path and passes its rows to `onRow` one by one as they arrive. Each row is
   * valid until `onRow` returns.
   */
  forEachRow(statement: NamedStatement, onRow: (row: WireRow) => void): Promise<void>;
}
