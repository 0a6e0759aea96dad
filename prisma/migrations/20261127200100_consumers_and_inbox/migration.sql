-- What each consumer has done and has still to do, and what became of each event.

-- What each consumer has not done yet, and who works on it.
CREATE TABLE "integration"."inbox_cursor" (
  "consumer_name"        varchar(127)   NOT NULL,
  "partition"            integer        NOT NULL DEFAULT 0,
  "partitions"           integer        NOT NULL DEFAULT 1,
  "event_names"          text[]         NOT NULL,
  "starts_at"            bigint         NOT NULL DEFAULT 1,
  "unread"               int8multirange NOT NULL,
  "read_upto"            bigint,
  "unclean_takeovers"    integer        NOT NULL DEFAULT 0,
  "changed_by_others"    bigint         NOT NULL DEFAULT 0,
  "paused_at"            timestamptz,
  "lease_owner"          uuid,
  "lease_token"          uuid,
  "lease_expires_at"     timestamptz,
  "registered_at"        timestamptz    NOT NULL DEFAULT clock_timestamp(),
  "last_progress_at"     timestamptz,
  -- When a live process was last known to be able to work on it; noted about once an hour.
  "served_at"            timestamptz    NOT NULL DEFAULT clock_timestamp(),
  -- Positions that a replay has put back into unread and that the owner has not taken up yet.
  "replayed"             int8multirange NOT NULL DEFAULT '{}',
  -- Being repartitioned: the number asked for; nobody may claim it for the moment; owners read nothing from the
  -- cut-over on; since when, so that a change that gets nowhere can be found.
  "repartition_to"       integer,
  "held_back"            boolean        NOT NULL DEFAULT false,
  "cut_over"             bigint,
  "repartition_asked_at" timestamptz,
  -- The lease whose owner goes by fewer names than are stored, and may still be reading. The owner empties this
  -- once it reads no more. It means something only as long as it is the lease_token of the cursor
  -- (docs/decisions/0040).
  "superseded_token"     uuid,
  -- By whom and why the consumer is paused. Since when stands in paused_at.
  "paused_by"            varchar(255),
  "pause_reason"         text,
  -- How long the lease of this cursor lasts, in milliseconds, as its owner last said. Each save of the owner makes
  -- the lease last so long from then on, and needs no other statement for it (docs/decisions/0090).
  "lease_ms"             double precision,
  PRIMARY KEY ("consumer_name", "partition")
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- The exceptions. available_at tells which kind of wait it is:
--   received, 'infinity'   waits behind an earlier event of its aggregate
--   received, '-infinity'  was released, its turn is now
--   received, a time       delayed or redriven: due then, blocks nobody
--   failed,   a time       its retry comes then
--   failed,   null         failed for good (dead-lettering switched off)
CREATE TABLE "integration"."inbox_event" (
  "id"                uuid         NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  "outbox_event_id"   uuid         NOT NULL,
  "position"          bigint       NOT NULL,
  "consumer_name"     varchar(127) NOT NULL,
  "partition"         integer      NOT NULL DEFAULT 0,
  "aggregate_type"    varchar(127) NOT NULL,
  "aggregate_id"      varchar(255) NOT NULL,
  "status"            varchar(16)  NOT NULL CHECK ("status" IN ('received', 'processing', 'processed', 'failed', 'skipped', 'dead_letter')),
  "attempt_count"     integer      NOT NULL DEFAULT 0,
  "last_error"        text,
  "error_fingerprint" varchar(64),
  "available_at"      timestamptz,
  "processed_at"      timestamptz,
  "created_at"        timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "updated_at"        timestamptz  NOT NULL DEFAULT clock_timestamp(),
  -- The last ten attempts that failed, the oldest first. Each is an object with attempt (its number), at (when it
  -- began), ms (how long it ran; null if unknown), process, host and pid (who ran it), error (its text), stack (at
  -- most 4 KB) and fingerprint. With the option `handlerLines` it may have lines (of the handler's logger, at most
  -- 8 KB together) and linesLeftOut (how many came before these).
  "attempts"          jsonb,
  -- What an admin decided about the event last: action, by, reason, at, and attempts (how many were counted
  -- before). The columns of the failure stay as they were.
  "resolution"        jsonb,
  -- The stored operation that changed the row last.
  "operation_id"      uuid,
  -- `interrupted`, the next attempt runs while nothing else does; `alone`, the attempt under way does. Null for
  -- all others.
  "suspicion"         varchar(16),
  -- Since when the event has been put off (PostponeError) without any attempt that counted. Null for all others.
  -- It means something only while the row waits for its time or runs. Such a row is `failed` with a time to come,
  -- so later events of its aggregate wait.
  "postponed_since"   timestamptz
);
CREATE UNIQUE INDEX "inbox_event_outbox_event_id_consumer_name_key" ON "integration"."inbox_event" ("outbox_event_id", "consumer_name");
-- Due rows in the order in which they are claimed.
CREATE INDEX "inbox_event_due_idx" ON "integration"."inbox_event" ("consumer_name", "partition", "available_at", "position")
  WHERE "status" IN ('received', 'failed') AND "available_at" < 'infinity';
-- Rows whose next attempt runs alone are looked for one by one after a process was killed. They come in the order
-- of their times, so that many thousand rows that are due before them are not looked at each time. Hardly any row
-- is in this index.
CREATE INDEX "inbox_event_suspect_idx" ON "integration"."inbox_event" ("consumer_name", "partition", "available_at", "position")
  WHERE "suspicion" = 'interrupted';
CREATE INDEX "inbox_event_unresolved_idx" ON "integration"."inbox_event" ("consumer_name", "partition", "aggregate_type", "aggregate_id", "position")
  WHERE "status" = 'processing'
     OR ("status" = 'failed' AND "available_at" IS NOT NULL)
     OR ("status" = 'received' AND "available_at" IN ('infinity', '-infinity'));
CREATE INDEX "inbox_event_exceptions_idx" ON "integration"."inbox_event" ("consumer_name", "status", "position")
  WHERE "status" <> 'processed';
-- Dead letters of one kind, in the order of their positions.
CREATE INDEX "inbox_event_dead_letter_idx" ON "integration"."inbox_event" ("consumer_name", "error_fingerprint", "position")
  WHERE "status" = 'dead_letter';
-- Dead letters of all consumers are listed by position. The other indexes begin with the consumer, so that a list
-- by the name of the event, or by the aggregate, would read many of each consumer.
CREATE INDEX "inbox_event_dead_letter_position_idx" ON "integration"."inbox_event" ("position") WHERE "status" = 'dead_letter';
-- Dead letters of one cause at all consumers, in the order in which they came. No other index has their times.
-- The first 16 characters of a kind are its cause, and the others are the place in the code. The whole kind is
-- included because Postgres reads no expression from an index alone that does not have its column.
CREATE INDEX "inbox_event_dead_letter_cause_idx" ON "integration"."inbox_event" (left("error_fingerprint", 16), "updated_at")
  INCLUDE ("error_fingerprint") WHERE "status" = 'dead_letter';
-- What became of the events of an operation. Most rows belong to none.
CREATE INDEX "inbox_event_operation_idx" ON "integration"."inbox_event" ("operation_id", "status") WHERE "operation_id" IS NOT NULL;

-- Filtered replays and backfills, worked off window by window. Null and an empty list of names filter nothing.
CREATE TABLE "integration"."inbox_replay" (
  "id"             uuid         NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  "consumer_name"  varchar(127) NOT NULL,
  "event_names"    text[]       NOT NULL DEFAULT '{}',
  "aggregate_type" varchar(127),
  "aggregate_id"   varchar(255),
  "since"          timestamptz,
  "until"          timestamptz,
  -- From here on up to to_position, which is included.
  "next_position"  bigint       NOT NULL,
  "to_position"    bigint       NOT NULL,
  -- By partition, multiranges: what was unsettled when it was asked for and is delivered anyway.
  "pending"        text[]       NOT NULL DEFAULT '{}',
  -- Events that it has sent so far.
  "sent"           bigint       NOT NULL DEFAULT 0,
  "requested_by"   varchar(255),
  "created_at"     timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "finished_at"    timestamptz,
  -- When the last window was sent, so that a replay that gets nowhere can be found.
  "progressed_at"  timestamptz  NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX "inbox_replay_open_idx" ON "integration"."inbox_replay" ("consumer_name", "created_at") WHERE "finished_at" IS NULL;

-- The partition of an aggregate among so many: written down here for good, stored cursors rest on it.
CREATE FUNCTION "integration"."integration_partition"("aggregate_type" text, "aggregate_id" text, "partitions" integer)
  RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN ((('x' || substr(md5("aggregate_type" || chr(31) || "aggregate_id"), 1, 8))::bit(32)::bigint & 2147483647) % "partitions")::integer;

-- What became of an event at each consumer that wants it: pending, processing, processed, failed, dead_letter, or
-- skipped (a handler said that the event is not for it). An inbox row decides if there is one; else what is unread is
-- pending, the rest processed. An event that was put off has not failed: it is pending. available_at: when a pending
-- or failed one is due, null for one that is due now or waits for another event.
-- Meant for some events at a time: <@ unpacks the whole of unread for every row.
CREATE VIEW "integration"."outbox_event_status" AS
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
