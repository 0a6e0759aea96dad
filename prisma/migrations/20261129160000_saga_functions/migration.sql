-- The three statements of each step of a saga, as functions. A client of the host prepares nothing, so Postgres
-- would parse and plan them anew for each step, which costs more than running them. A function keeps its plans
-- as long as its connection lives. What is written is one value, because a client's work for a statement grows
-- with the number of its values (docs/decisions/0017 and 0144).

-- Waits for the lock of a saga, and then looks for it. A function that is VOLATILE takes a snapshot for each of
-- its statements, so it sees what was committed while it waited for the lock. `start` is when the transaction
-- began, in microseconds. `instance` is the row as JSON, or null if there is none.
CREATE FUNCTION "integration"."saga_begin"(
  "lock_name" text, "saga_name" text, "saga_key" text,
  OUT "start" text, OUT "instance" text, OUT "waiting" text
) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended("lock_name", 0));
  "start" := (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint;
  SELECT to_json(i) INTO "instance" FROM "integration"."saga_instance" i
    WHERE i."saga" = "saga_name" AND i."key" = "saga_key" FOR UPDATE;
  "waiting" := EXISTS (
    SELECT FROM "integration"."saga_waiting" w WHERE w."saga" = "saga_name" AND w."key" = "saga_key");
END $$;

-- Writes a new saga with the first entry of its history. `given` is a list of two lists. The saga: saga, key, when
-- the transaction began that has its lock, id, tenant_id, step, status, state, version, steps, undo, timeouts. The
-- entry: its number, outbox_event_id, name, step_before, step_after, reason. Returns whether events wait for the
-- saga. Null if it is there already, or its lock was lost with its transaction.
CREATE FUNCTION "integration"."saga_create"("given" jsonb) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  row   jsonb := "given"->0;
  entry jsonb := "given"->1;
BEGIN
  IF row->>2 <> (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint::text THEN RETURN NULL; END IF;
  INSERT INTO "integration"."saga_instance"
    ("saga", "key", "id", "tenant_id", "step", "status", "state", "version", "steps", "undo", "timeouts", "ended_at")
    VALUES (row->>0, row->>1, (row->>3)::uuid, row->>4, row->>5, row->>6, row->7, (row->>8)::int, (row->>9)::int,
      row->10, row->11, CASE WHEN row->>6 <> 'active' THEN clock_timestamp() END)
    ON CONFLICT ("saga", "key") DO NOTHING;
  IF NOT FOUND THEN RETURN NULL; END IF;
  INSERT INTO "integration"."saga_step" ("id", "n", "outbox_event_id", "name", "step_before", "step_after", "reason")
    VALUES ((row->>3)::uuid, (entry->>0)::int, (entry->>1)::uuid, entry->>2, entry->>3, entry->>4, entry->>5);
  RETURN EXISTS (SELECT FROM "integration"."saga_waiting" w WHERE w."saga" = row->>0 AND w."key" = row->>1)::text;
END $$;

-- Writes what a step has changed, with one entry of its history. `given` is as saga_create takes it, and id and
-- tenant_id stay as they are. Returns the id of the saga. Null if its lock was lost with its transaction.
CREATE FUNCTION "integration"."saga_save"("given" jsonb) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  row   jsonb := "given"->0;
  entry jsonb := "given"->1;
  saved uuid;
BEGIN
  IF row->>2 <> (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint::text THEN RETURN NULL; END IF;
  UPDATE "integration"."saga_instance"
    SET "step" = row->>5, "status" = row->>6, "state" = row->7, "version" = (row->>8)::int, "steps" = (row->>9)::int,
      "undo" = row->10, "timeouts" = row->11, "changed_at" = clock_timestamp(),
      "ended_at" = CASE WHEN row->>6 <> 'active' THEN clock_timestamp() END
    WHERE "saga" = row->>0 AND "key" = row->>1 RETURNING "id" INTO saved;
  IF saved IS NULL THEN RETURN NULL; END IF;
  INSERT INTO "integration"."saga_step" ("id", "n", "outbox_event_id", "name", "step_before", "step_after", "reason")
    VALUES (saved, (entry->>0)::int, (entry->>1)::uuid, entry->>2, entry->>3, entry->>4, entry->>5);
  RETURN saved;
END $$;
