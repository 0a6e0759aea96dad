/** What the kit asks about events that came by a source. */

/** $1: how many events. They belong to 500 aggregates. */
export const ADD_THINGS = `
  INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload, metadata)
  SELECT gen_random_uuid(), 'thing.changed', 'proof', 'thing', 't' || n % 500, jsonb_build_object('sequence', n, 'text', repeat('x', 200)), '{}'
  FROM generate_series(1, $1::int) AS n`;

/** The ids of messages of the kit, in the order of the log. */
export const TAKEN = `SELECT payload->>'id' AS id FROM integration.outbox_event WHERE event_name = 'thing.sent' ORDER BY position`;

export const COUNT_TAKEN = `SELECT count(*)::int AS count FROM integration.outbox_event WHERE event_name = 'thing.sent'`;

/** Messages that were no event, or that went round in a circle. */
export const COUNT_REJECTED = `SELECT count(*)::int AS count FROM integration.outbox_event
  WHERE starts_with(event_name, 'integration.rejected.')`;

export const COUNT_OF_NAME = `SELECT count(*)::int AS count FROM integration.outbox_event WHERE event_name = $1`;

/** Events of a name, how many different ones they are about, and the effects of a handler for them. */
export const HANDLED = `SELECT count(DISTINCT e.id)::int AS events,
    count(DISTINCT (e.aggregate_id, e.payload->>'sequence'))::int AS things,
    count(f.id)::int AS effects
  FROM integration.outbox_event e LEFT JOIN effect f ON f.event_id = e.id WHERE e.event_name = $1`;
