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
