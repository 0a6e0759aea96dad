import type { EngineSession } from '../database/sql/engine-session.js';
import { tablesOf } from '../database/sql/tables.js';
import { UnusableConnection } from '../database/wire/unusable-connection.js';

/**
 * Number of rows that one transaction looks at. This takes some tenths of a second, so nobody waits long for
 * the cursors that it holds.
 */
const ROWS_AT_ONCE = 5_000;

/** How far one round over the rows of a consumer has come. */
export interface RoundOverRows {
  readonly status: string;
  readonly position: number;
  /** Number of rows that the round has moved so far. */
  readonly moved: number;
}

export const ROUND_BEGINS: RoundOverRows = { status: '', position: 0, moved: 0 };

/**
 * Moves the inbox rows of a consumer to the partitions of its new number. Each transaction moves one portion,
 * and the consumer's cursors are held back meanwhile.
 *
 * A round goes along the index of exceptions, by status and position. An admin may change the status of a row
 * meanwhile. A row that gets a status which the round has already passed would be missed. So rounds follow
 * each other until one of them finds nothing to move.
 */
export class RepartitionRows {
  private readonly sql: string;

  constructor(schema: string) {
    const tables = tablesOf(schema);
    const inbox = tables.inboxEvent;
    const place = `CASE WHEN $2::int = 1 THEN 0 ELSE ${tables.integrationPartition}(aggregate_type, aggregate_id, $2::int) END`;
    // Nobody asks for processed or skipped rows by their partition.
    this.sql = `
      WITH portion AS MATERIALIZED (
        SELECT id, status, position FROM ${inbox}
        WHERE consumer_name = $1 AND (status, position) > ($3::text, $4::bigint) AND status <> 'processed'
        ORDER BY status, position LIMIT $5::int
      ), moved AS (
        UPDATE ${inbox} SET partition = ${place}
        WHERE id = ANY (ARRAY(SELECT id FROM portion WHERE status IN ('received', 'processing', 'failed', 'dead_letter')))
          AND partition <> ${place}
        RETURNING 1
      )
      SELECT count(*) AS seen, (SELECT count(*) FROM moved) AS moved, max(status) AS status,
        max(position) FILTER (WHERE status = (SELECT max(status) FROM portion)) AS position
      FROM portion`;
  }

  /**
   * Moves one portion. Returns where the round stands now. Undefined means that a round has ended that moved
   * nothing.
   */
  async move(
    session: EngineSession,
    consumerName: string,
    partitions: number,
    round: RoundOverRows,
  ): Promise<RoundOverRows | undefined> {
    const [row] = await session.query<{ seen: number; moved: number; status: string; position: number }>(
      this.sql,
      [consumerName, partitions, round.status, round.position, ROWS_AT_ONCE],
    );
    if (row === undefined) throw new UnusableConnection('connection error: the portion brought nothing back');
    const moved = round.moved + row.moved;
    if (row.seen === ROWS_AT_ONCE) return { status: row.status, position: row.position, moved };
    // The cursors are locked during this look. So a round of a single portion has seen all rows as they are.
    const wasOnePortion = round.status === ROUND_BEGINS.status;
    return moved === 0 || wasOnePortion ? undefined : ROUND_BEGINS;
  }
}
