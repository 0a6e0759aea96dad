-- Publishes one event: the INSERT that anybody may write, planned once per connection instead of once per event. Hosts'
-- clients send statements unprepared, and planning one with so many columns costs as much as running it.
CREATE PROCEDURE "integration"."append_event"("id" uuid, "event_name" text, "event_version" integer, "source_module" text,
  "aggregate_type" text, "aggregate_id" text, "payload" jsonb, "payload_bytes" integer, "metadata" jsonb, INOUT "position" bigint)
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "integration"."outbox_event" ("id", "event_name", "event_version", "source_module",
    "aggregate_type", "aggregate_id", "payload", "payload_bytes", "metadata")
  VALUES ("id", "event_name", "event_version", "source_module",
    "aggregate_type", "aggregate_id", "payload", "payload_bytes", "metadata")
  RETURNING "outbox_event"."position" INTO "position";
END $$;

-- Due rows in the order in which they are claimed.
DROP INDEX "integration"."inbox_event_due_idx";
CREATE INDEX "inbox_event_due_idx" ON "integration"."inbox_event" ("consumer_name", "partition", "available_at", "position")
  WHERE "status" IN ('received', 'failed') AND "available_at" < 'infinity';

-- Since when a change of partitions is under way, and when the last window of a replay was sent: what gets nowhere can be found.
ALTER TABLE "integration"."inbox_cursor" ADD COLUMN "repartition_asked_at" timestamptz;
ALTER TABLE "integration"."inbox_replay" ADD COLUMN "progressed_at" timestamptz NOT NULL DEFAULT clock_timestamp();

-- The consumers that a process has handlers for, also while its processing is switched off: beside those that it could lease.
ALTER TABLE "integration"."integration_process" ADD COLUMN "handles" text[] NOT NULL DEFAULT '{}';

-- What became of single events is looked up row by row, whatever the planner thinks: the view is for a page of them, not for all.
CREATE OR REPLACE VIEW "integration"."outbox_event_status" AS
SELECT e."id" AS "outbox_event_id", e."position", e."event_name", c."consumer_name",
  CASE
    WHEN i."status" = 'received' THEN 'pending'
    WHEN i."status" IS NOT NULL THEN i."status"
    WHEN e."position" <@ c."unread" THEN 'pending'
    ELSE 'processed'
  END AS "status",
  coalesce(i."attempt_count", 0) AS "attempt_count",
  i."last_error",
  CASE
    WHEN i."status" IN ('received', 'failed') THEN nullif(nullif(i."available_at", 'infinity'), '-infinity')
    WHEN i."status" IS NULL AND e."position" <@ c."unread" THEN e."available_at"
  END AS "available_at"
FROM "integration"."outbox_event" e
JOIN "integration"."inbox_cursor" c
  ON c."partitions" = 1
  OR c."partition" = "integration"."integration_partition"(e."aggregate_type", e."aggregate_id", c."partitions")
LEFT JOIN LATERAL (
  SELECT * FROM "integration"."inbox_event" r WHERE r."outbox_event_id" = e."id" AND r."consumer_name" = c."consumer_name" OFFSET 0
) i ON true
WHERE i."id" IS NOT NULL
  OR (e."position" >= c."starts_at" AND EXISTS (
    SELECT FROM unnest(c."event_names") AS n("name")
    WHERE n."name" = e."event_name" OR (right(n."name", 1) = '*' AND starts_with(e."event_name", left(n."name", -1)))));
