import type { Tables } from '../database/sql/tables.js';

/**
 * SQL of what processes say that they have run for long: `w.attempt` of the process `p` for the cursor `c`,
 * to be put behind FROM. It has only attempts of cursors that the process owns. A handler of a process that
 * has lost its lease may still run, but what it comes to does not count.
 */
export function ownedAttempts({
  integrationProcess,
  inboxCursor,
}: Pick<Tables, 'integrationProcess' | 'inboxCursor'>): string {
  return `${integrationProcess} p
      CROSS JOIN LATERAL jsonb_array_elements(p.working) AS w (attempt)
      JOIN ${inboxCursor} c ON c.consumer_name = w.attempt ->> 'consumerName' AND c.partition = (w.attempt ->> 'partition')::int
        AND c.lease_owner = p.id AND c.lease_expires_at > clock_timestamp()`;
}

/** SQL of a process as JSON has a `NamedProcess`. */
export function namedProcess(process: string): string {
  return `jsonb_build_object('id', ${process}.id, 'host', ${process}.host, 'pid', ${process}.pid)`;
}
