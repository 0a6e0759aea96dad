-- Events that their handler put off (PostponeError). Such a row is `failed` with a time to come, so that also processes of earlier
-- versions keep the later events of its aggregate waiting. postponed_since: since when the event has been put off without any attempt
-- that counted. Null for all others. It means something only while the row waits for its time or runs.
ALTER TABLE "integration"."inbox_event" ADD COLUMN "postponed_since" timestamptz;

-- An event that was put off has not failed: it is pending. The column is added at the end, so the view is replaced in place.
CREATE OR REPLACE VIEW "integration"."outbox_event_status" AS
SELECT e."id" AS "outbox_event_id", e."position", e."event_name", c."consumer_name",
  CASE
    WHEN i."status" = 'received' THEN 'pending'
    WHEN i."status" = 'failed' AND i."postponed_since" IS NOT NULL AND i."available_at" IS NOT NULL THEN 'pending'
    WHEN i."status" IS NOT NULL THEN i."status"
    WHEN e."position" <@ c."unread" THEN 'pending'
    ELSE 'processed'
  END AS "status",
  coalesce(i."attempt_count", 0) AS "attempt_count",
  i."last_error",
  CASE
    WHEN i."status" IN ('received', 'failed') THEN nullif(nullif(i."available_at", 'infinity'), '-infinity')
    WHEN i."status" IS NULL AND e."position" <@ c."unread" THEN e."available_at"
  END AS "available_at",
  CASE WHEN i."status" IN ('processing', 'failed') AND i."available_at" IS NOT NULL THEN i."postponed_since" END AS "postponed_since"
FROM "integration"."outbox_event" e
JOIN "integration"."inbox_cursor" c
  ON c."partitions" = 1
  OR c."partition" = "integration"."integration_partition"(e."aggregate_type", e."aggregate_id", c."partitions")
LEFT JOIN "integration"."inbox_event" i ON i."outbox_event_id" = e."id" AND i."consumer_name" = c."consumer_name"
WHERE i."id" IS NOT NULL
  OR (e."position" >= c."starts_at" AND EXISTS (
    SELECT FROM unnest(c."event_names") AS n("name")
    WHERE n."name" = e."event_name" OR (right(n."name", 1) = '*' AND starts_with(e."event_name", left(n."name", -1)))));
