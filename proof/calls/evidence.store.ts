/** What the database says about calls in the end. */

export const CALLS_ENDED = `SELECT count(*) FILTER (WHERE ended_at IS NOT NULL)::int AS ended FROM integration.external_call`;

/** Each call with its events, in the order of the log. */
export const CALLS = `SELECT c.id::text AS id, c.type, c.request->>'kind' AS kind, c.status, c.attempt, c.error->>'code' AS code,
    (SELECT string_agg(split_part(e.event_name, '.', 4), ' ' ORDER BY e.position) FROM integration.outbox_event e
      WHERE e.aggregate_type = 'external_call' AND e.aggregate_id = c.id::text) AS steps
  FROM integration.external_call c`;

/** Webhooks that still wait for a call of their type which has this external id. */
export const WAITING_IN_VAIN = `SELECT count(*)::int AS waiting FROM integration.external_call_report r
  JOIN integration.external_call c ON c.tenant_id = r.tenant_id AND c.type = r.type AND c.external_id = r.external_id
  WHERE r.call_id IS NULL`;
