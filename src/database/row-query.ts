import pg from 'pg';
import type { TextRow } from './text-row.js';

/**
 * A prepared statement whose rows are taken one by one as they arrive. What the driver makes of a row is garbage at once: a page
 * of rows that is kept until its last one has come outlives several collections of the young generation, which cost a third of a drain.
 */
export class RowQuery extends pg.Query {
  private failure: unknown;

  constructor(
    statement: { readonly name: string; readonly text: string; readonly values: unknown[] },
    private readonly onRow: (row: TextRow) => void,
    done: (error: unknown) => void,
  ) {
    super(statement, (error) => done(error ?? this.failure));
  }

  /** Called by the connection, in place of the driver's own, which makes an object or a second array of each row. */
  handleDataRow({ fields }: { readonly fields: TextRow }): void {
    if (this.failure !== undefined) return;
    try {
      this.onRow(fields);
    } catch (error) {
      this.failure = error;
    }
  }
}
