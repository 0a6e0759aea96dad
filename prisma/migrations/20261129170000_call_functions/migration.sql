-- The statements of each report of a call, as functions, for the reasons of those of sagas (docs/decisions/0144, 0145).

-- Takes the lock of what another system calls a call, and then looks for the call and locks its row. A function that
-- is VOLATILE takes a snapshot for each of its statements, so it sees what was committed while it waited. Returns the
-- row as JSON, or null if no call has this external id.
CREATE FUNCTION "integration"."call_begin"(
  "lock_name" text, "of_tenant" text, "of_type" text, "of_external_id" text
) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  found_call text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended("lock_name", 0));
  SELECT to_json(c) INTO found_call FROM "integration"."external_call" c
    WHERE c."tenant_id" = "of_tenant" AND c."type" = "of_type" AND c."external_id" = "of_external_id" FOR NO KEY UPDATE;
  RETURN found_call;
END $$;

-- Keeps what was heard of a call, and writes what has changed of it. `given` has a list `reports`, and `change`, which
-- is null if nothing changes. A report that has changed nothing and is the last one once more is counted there.
-- Of when the call is due: null for never, `keepsDue` for as it is, else in `dueInMs` milliseconds. Returns the id of
-- the call that was changed.
CREATE FUNCTION "integration"."call_write"("given" jsonb) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  change  jsonb := "given"->'change';
  report  jsonb;
  last_id bigint;
  changed uuid;
BEGIN
  FOR report IN SELECT * FROM jsonb_array_elements("given"->'reports') LOOP
    IF NOT (report->>'applied')::boolean THEN
      SELECT max(r."id") INTO last_id FROM "integration"."external_call_report" r WHERE r."call_id" = (report->>'callId')::uuid;
      UPDATE "integration"."external_call_report" r SET "times" = r."times" + 1, "last_at" = clock_timestamp()
        WHERE r."id" = last_id AND r."phase" = report->>'phase' AND r."source" = report->>'source'
          AND r."data" IS NOT DISTINCT FROM nullif(report->'data', 'null') AND r."external_id" IS NOT DISTINCT FROM report->>'externalId';
      CONTINUE WHEN FOUND;
    END IF;
    INSERT INTO "integration"."external_call_report" ("call_id", "tenant_id", "type", "external_id", "phase", "source", "data", "applied")
      VALUES ((report->>'callId')::uuid, report->>'tenantId', report->>'type', report->>'externalId', report->>'phase', report->>'source',
        nullif(report->'data', 'null'), (report->>'applied')::boolean);
  END LOOP;
  UPDATE "integration"."external_call" c
    SET "status" = change->>'status', "external_id" = change->>'externalId', "result" = nullif(change->'result', 'null'),
      "error" = nullif(change->'error', 'null'), "attempt" = (change->>'attempt')::int, "owner_token" = (change->>'ownerToken')::uuid,
      "is_unknown" = (change->>'isUnknown')::boolean, "polls" = (change->>'polls')::int, "failures" = (change->>'failures')::int,
      "last_error" = change->>'lastError', "cancel_reason" = change->>'cancelReason', "changed_at" = clock_timestamp(),
      "due_at" = CASE WHEN (change->>'hasEnded')::boolean THEN NULL WHEN (change->>'keepsDue')::boolean THEN c."due_at"
        ELSE clock_timestamp() + (change->>'dueInMs')::float8 * interval '1 millisecond' END,
      "ended_at" = CASE WHEN (change->>'hasEnded')::boolean THEN clock_timestamp() END
    WHERE c."id" = (change->>'id')::uuid RETURNING c."id" INTO changed;
  RETURN changed;
END $$;
