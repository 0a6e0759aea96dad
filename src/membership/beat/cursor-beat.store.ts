import type { Tables } from '../../database/sql/tables.js';

/**
 * The part of the heartbeat's statement that renews the leases of cursors: $3 are the tokens of this process,
 * $4 the milliseconds of a lease, $5 whether the beat renews. It is left out of the beats of a process that
 * holds no cursor. The role of a publisher may lack the right to change them.
 *
 * Renewal waits for nobody. Somebody may hold a row: a save of ours, an open transaction of an admin, or
 * another process that claims it. If renewal waited for that row, it could not renew the other leases of this
 * process, and it could not read the settings and everything else. A lease that is skipped stays as it was.
 * If it is a save of ours that holds the row, it renews the lease itself (see `inbox/kept-lease.store.ts`).
 * Otherwise the lease is renewed as soon as the row is free. Until then its owner starts nothing after the
 * end of the lease, which each beat reads. Nobody else can claim the row either, because a claim does not
 * wait for the row.
 */
export function cursorPartsOfBeat({ inboxCursor }: Tables): {
  readonly renewal: string;
  readonly column: string;
} {
  const renewal = `held AS (
        SELECT consumer_name, partition FROM ${inboxCursor}
        WHERE $5::boolean AND lease_token = ANY ($3::uuid[]) FOR NO KEY UPDATE SKIP LOCKED
      ), renewed AS (
        UPDATE ${inboxCursor} c SET lease_expires_at = clock_timestamp() + $4::float8 * interval '1 millisecond', lease_ms = $4::float8
        FROM held WHERE c.consumer_name = held.consumer_name AND c.partition = held.partition
          AND c.lease_token = ANY ($3::uuid[])
        RETURNING c.lease_token
      ), `;
  return { renewal, column: '(SELECT json_agg(lease_token) FROM renewed)' };
}
