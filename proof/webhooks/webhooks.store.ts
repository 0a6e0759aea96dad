/** The tables of a host that takes in webhooks, its traps, and what the proof asks about receipts. */

/** The advisory lock for which a session waits in a trap. */
export const TRAP_LOCK = 3_700_037;

/**
 * `payment`: what `once` writes. `trap`: the step and the delivery whose session waits there, as long as somebody holds the lock.
 * The trigger of payments runs when the transaction commits.
 */
export const RECEIVER_TABLES = `
  CREATE TABLE payment (delivery text NOT NULL);
  CREATE TABLE trap (step text NOT NULL, mark text NOT NULL);
  CREATE FUNCTION fall_into_trap() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF EXISTS (SELECT FROM trap WHERE step = TG_ARGV[0] AND strpos(to_jsonb(NEW)::text, mark) > 0) THEN
      PERFORM pg_advisory_xact_lock_shared(${TRAP_LOCK});
    END IF;
    RETURN NULL;
  END $$;
  CREATE TRIGGER trap AFTER INSERT ON integration.webhook_receipt
    FOR EACH ROW EXECUTE FUNCTION fall_into_trap('in-receipt');
  CREATE TRIGGER trap AFTER INSERT ON integration.outbox_event
    FOR EACH ROW EXECUTE FUNCTION fall_into_trap('in-event');
  CREATE CONSTRAINT TRIGGER trap AFTER INSERT ON payment DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION fall_into_trap('in-commit')`;

export const HOLD_TRAP = `SELECT pg_advisory_lock(${TRAP_LOCK})`;
export const RELEASE_TRAP = `SELECT pg_advisory_unlock(${TRAP_LOCK})`;
export const SET_TRAP = 'INSERT INTO trap (step, mark) VALUES ($1, $2)';
export const REMOVE_TRAPS = 'DELETE FROM trap';

const TRAPPED_PIDS = `SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
  WHERE l.locktype = 'advisory' AND l.objid = ${TRAP_LOCK} AND NOT l.granted`;
export const TRAPPED = `SELECT count(*)::int AS sessions FROM (${TRAPPED_PIDS}) AS trapped`;
/** Waits until the sessions are gone. */
export const END_TRAPPED = `SELECT pg_terminate_backend(pid, 30000) FROM (${TRAPPED_PIDS}) AS trapped`;

/** How many sessions wait for a lock. */
export const WAITING = `SELECT count(*)::int AS sessions FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock'`;

/**
 * What each delivery has left: its receipts, and its events or payments. The key of a receipt is the hash of the delivery's id. The
 * parts of a payment are its events, by number.
 */
export const LEFT_BY = `SELECT d.delivery,
    (SELECT count(*) FROM integration.webhook_receipt r WHERE r.key_hash = sha256(convert_to(d.delivery, 'UTF8')))::int AS receipts,
    (SELECT count(*) FROM integration.outbox_event e WHERE e.metadata->'webhook'->>'deliveryId' = d.delivery)::int AS events,
    (SELECT count(*) FROM integration.outbox_event e JOIN integration.webhook_body b ON b.outbox_event_id = e.id
      WHERE e.metadata->'webhook'->>'deliveryId' = d.delivery)::int AS bodies,
    (SELECT count(*) FROM payment p WHERE p.delivery = d.delivery)::int AS payments,
    coalesce((SELECT array_agg((e.payload->>'number')::int ORDER BY (e.payload->>'number')::int)
      FROM integration.outbox_event e WHERE e.event_name = 'payment.received' AND e.aggregate_id = d.delivery), '{}') AS "paymentEvents"
  FROM unnest($1::text[]) AS d (delivery)`;

/** Rows in all. What is more than the deliveries account for belongs to none of them. */
export const LEFT_IN_ALL = `SELECT (SELECT count(*) FROM integration.webhook_receipt)::int AS receipts,
    (SELECT count(*) FROM integration.webhook_body)::int AS bodies,
    (SELECT count(*) FROM integration.outbox_event)::int AS events`;
