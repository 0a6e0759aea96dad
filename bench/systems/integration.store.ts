export const CREATE_EFFECT =
  'CREATE TABLE IF NOT EXISTS effect (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int NOT NULL)';

export const INSERT_EFFECT = 'INSERT INTO effect (n) VALUES ($1)';
export const INSERT_EFFECTS = 'INSERT INTO effect (n) SELECT unnest($1::int[])';

/** A cursor that still has a position of the log to read. */
export const UNSETTLED_CURSOR = `
  SELECT 1 FROM integration.inbox_cursor
  WHERE EXISTS (
    SELECT 1 FROM unnest(unread) AS hole
    WHERE lower(hole) <= (SELECT coalesce(max(position), 0) FROM integration.outbox_event)
  ) LIMIT 1`;
