import type { NamedStatement } from './named-statement.js';
import type { WireRow } from './wire-row.js';

/** Statements whose rows are taken one by one. */
export interface RowSource {
  /**
   * A statement of the hot path whose rows go to `onRow` one by one as they arrive; each is valid until it
   * returns.
   */
  forEachRow(statement: NamedStatement, onRow: (row: WireRow) => void): Promise<void>;
}
