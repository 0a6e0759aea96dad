/** Two consumers that have read everything so far, and of it every other position was drawn in vain: $1 holes each. */
export const DRAW_IN_VAIN = `SELECT setval(pg_get_serial_sequence('integration.outbox_event', 'position'), 2 * $1::bigint)`;

export const CONSUMERS_WITH_HOLES = `
  INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread)
  SELECT name, '{thing.*}', holes.positions + int8multirange(int8range(2 * $1::bigint + 1, NULL))
  FROM unnest($2::text[]) AS name,
       (SELECT range_agg(int8range(i, i + 1)) AS positions FROM generate_series(1::bigint, 2 * $1::bigint, 2) i) AS holes`;

/** Published in a transaction that stays open for a while: until then no hole can be told from one of its own. */
export const PUBLISH_AND_STAY = `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
  VALUES ('thing.changed', 'proof', 'thing', 'late') RETURNING id`;

export const CURSORS = `SELECT consumer_name AS name, lease_owner AS owner, lease_token AS token, unclean_takeovers AS unclean, pg_column_size(unread) AS bytes
  FROM integration.inbox_cursor`;
