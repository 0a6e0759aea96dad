-- The tables of nestjs-integration. The runner puts a configured schema name in the place of "integration".

CREATE SCHEMA IF NOT EXISTS "integration";

-- The log. A publish is one INSERT in the caller's transaction; no later write touches the row until
-- retention deletes it. CACHE 1 and GENERATED ALWAYS carry weight: a session cache would hand old positions to later transactions.
CREATE TABLE "integration"."outbox_event" (
  "position"       bigint       GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
  "id"             uuid         NOT NULL DEFAULT gen_random_uuid(),
  "event_name"     varchar(255) NOT NULL,
  "event_version"  integer      NOT NULL DEFAULT 1,
  "source_module"  varchar(127) NOT NULL,
  "aggregate_type" varchar(127) NOT NULL,
  "aggregate_id"   varchar(255) NOT NULL,
  "payload"        jsonb        NOT NULL DEFAULT '{}',
  -- Length of the payload's text as published; null for rows inserted by plain SQL, measured when they are read.
  "payload_bytes"  integer,
  "metadata"       jsonb        NOT NULL DEFAULT '{}',
  "dedup_key"      varchar(255),
  "available_at"   timestamptz,
  "created_at"     timestamptz  NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX "outbox_event_id_key" ON "integration"."outbox_event" ("id");
CREATE UNIQUE INDEX "outbox_event_dedup_key_key" ON "integration"."outbox_event" ("dedup_key") WHERE "dedup_key" IS NOT NULL;
CREATE INDEX "outbox_event_aggregate_idx" ON "integration"."outbox_event" ("aggregate_type", "aggregate_id", "position");
CREATE INDEX "outbox_event_created_at_idx" ON "integration"."outbox_event" USING brin ("created_at");

-- What each consumer has not done yet, and who works on it.
CREATE TABLE "integration"."inbox_cursor" (
  "consumer_name"      varchar(127)   NOT NULL,
  "partition"          integer        NOT NULL DEFAULT 0,
  "partitions"         integer        NOT NULL DEFAULT 1,
  "event_names"        text[]         NOT NULL,
  "starts_at"          bigint         NOT NULL DEFAULT 1,
  "unread"             int8multirange NOT NULL,
  "read_upto"          bigint,
  "unclean_takeovers"  integer        NOT NULL DEFAULT 0,
  "changed_by_others"  bigint         NOT NULL DEFAULT 0,
  "paused_at"          timestamptz,
  "lease_owner"        uuid,
  "lease_token"        uuid,
  "lease_expires_at"   timestamptz,
  "registered_at"      timestamptz    NOT NULL DEFAULT clock_timestamp(),
  "last_progress_at"   timestamptz,
  -- When a live process was last known to be able to work on it; noted about once an hour.
  "served_at"          timestamptz    NOT NULL DEFAULT clock_timestamp(),
  -- Positions that a replay has put back into unread and that the owner has not taken up yet.
  "replayed"           int8multirange NOT NULL DEFAULT '{}',
  -- Being repartitioned: the number asked for; nobody may claim it for the moment; owners read nothing from the cut-over on.
  "repartition_to"     integer,
  "held_back"          boolean        NOT NULL DEFAULT false,
  "cut_over"           bigint,
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
  "updated_at"        timestamptz  NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX "inbox_event_outbox_event_id_consumer_name_key" ON "integration"."inbox_event" ("outbox_event_id", "consumer_name");
CREATE INDEX "inbox_event_due_idx" ON "integration"."inbox_event" ("consumer_name", "partition", "available_at")
  WHERE "status" IN ('received', 'failed') AND "available_at" < 'infinity';
CREATE INDEX "inbox_event_unresolved_idx" ON "integration"."inbox_event" ("consumer_name", "partition", "aggregate_type", "aggregate_id", "position")
  WHERE "status" = 'processing'
     OR ("status" = 'failed' AND "available_at" IS NOT NULL)
     OR ("status" = 'received' AND "available_at" IN ('infinity', '-infinity'));
CREATE INDEX "inbox_event_exceptions_idx" ON "integration"."inbox_event" ("consumer_name", "status", "position")
  WHERE "status" <> 'processed';

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
  "finished_at"    timestamptz
);
CREATE INDEX "inbox_replay_open_idx" ON "integration"."inbox_replay" ("consumer_name", "created_at") WHERE "finished_at" IS NULL;

-- The live processes; backend_* name the session of each one's heartbeat connection.
CREATE TABLE "integration"."integration_process" (
  "id"            uuid        NOT NULL PRIMARY KEY,
  "role"          varchar(16) NOT NULL,
  "host"          varchar(255) NOT NULL,
  "pid"           integer     NOT NULL,
  "consumers"     text[]      NOT NULL DEFAULT '{}',
  "backend_pid"   integer,
  "backend_start" timestamptz,
  "started_at"    timestamptz NOT NULL DEFAULT clock_timestamp(),
  "seen_at"       timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What is done every few minutes by one process at a time: whoever finds a task due locks its row. From which position
-- it goes on, and when it last began at the beginning.
CREATE TABLE "integration"."integration_maintenance" (
  "task"          varchar(63) NOT NULL PRIMARY KEY,
  "next_position" bigint      NOT NULL DEFAULT 1,
  "began_at"      timestamptz NOT NULL DEFAULT '-infinity',
  "done_at"       timestamptz NOT NULL DEFAULT '-infinity'
);

-- Event names that no consumer asks for, as far as they were noticed.
CREATE TABLE "integration"."unrouted_event" (
  "event_name"     varchar(255) NOT NULL PRIMARY KEY,
  "events"         bigint       NOT NULL,
  "first_position" bigint       NOT NULL,
  "first_seen_at"  timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "last_seen_at"   timestamptz  NOT NULL DEFAULT clock_timestamp()
);

-- Relations between entities of different modules, without foreign keys.
CREATE TABLE "integration"."integration_link" (
  "id"                 uuid         NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  "source_module"      varchar(127) NOT NULL,
  "source_entity_type" varchar(127) NOT NULL,
  "source_entity_id"   varchar(255) NOT NULL,
  "target_module"      varchar(127) NOT NULL,
  "target_entity_type" varchar(127) NOT NULL,
  "target_entity_id"   varchar(255) NOT NULL,
  "link_type"          varchar(32)  NOT NULL CHECK ("link_type" IN ('reference', 'cascade', 'aggregate_root')),
  "metadata"           jsonb        NOT NULL DEFAULT '{}',
  "created_at"         timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "updated_at"         timestamptz  NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX "integration_link_key" ON "integration"."integration_link"
  ("source_module", "source_entity_type", "source_entity_id", "target_module", "target_entity_type", "target_entity_id", "link_type");
CREATE INDEX "integration_link_target_idx" ON "integration"."integration_link" ("target_module", "target_entity_type", "target_entity_id");
CREATE INDEX "integration_link_type_idx" ON "integration"."integration_link" ("link_type", "created_at");

-- What admins set, and who changed what when.
CREATE TABLE "integration"."integration_setting" (
  "key"        varchar(127) NOT NULL PRIMARY KEY,
  "value"      jsonb        NOT NULL,
  "updated_at" timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "updated_by" varchar(255)
);
CREATE TABLE "integration"."integration_setting_change" (
  "id"         bigint       GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "key"        varchar(127) NOT NULL,
  "old_value"  jsonb,
  "new_value"  jsonb,
  "changed_by" varchar(255),
  "changed_at" timestamptz  NOT NULL DEFAULT clock_timestamp()
);

-- Settings may be changed by plain SQL, so triggers keep who and when, the audit, and wake whoever listens on
-- "<schema>_settings". Who: integration.changed_by if the session set it, else an updated_by that the statement
-- gave, else the session's role.
CREATE FUNCTION "integration"."stamp_setting"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  given text := NEW."updated_by";
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF (NEW."key", NEW."value") = (OLD."key", OLD."value") THEN
      NEW."updated_at" := OLD."updated_at";
      NEW."updated_by" := OLD."updated_by";
      RETURN NEW;
    END IF;
    IF NEW."updated_by" IS NOT DISTINCT FROM OLD."updated_by" THEN given := NULL; END IF;
  END IF;
  NEW."updated_at" := clock_timestamp();
  NEW."updated_by" := left(coalesce(nullif(current_setting('integration.changed_by', true), ''), given, session_user), 255);
  RETURN NEW;
END $$;
CREATE TRIGGER "integration_setting_stamp" BEFORE INSERT OR UPDATE ON "integration"."integration_setting"
  FOR EACH ROW EXECUTE FUNCTION "integration"."stamp_setting"();

CREATE FUNCTION "integration"."record_setting_change"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  remover text := left(coalesce(nullif(current_setting('integration.changed_by', true), ''), session_user), 255);
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    INSERT INTO "integration"."integration_setting_change" ("key", "old_value", "changed_by")
      SELECT "key", "value", remover FROM "integration"."integration_setting" ORDER BY "key";
    PERFORM pg_notify(TG_TABLE_SCHEMA || '_settings', '');
    RETURN NULL;
  END IF;
  IF TG_OP = 'UPDATE' AND OLD."key" = NEW."key" THEN
    IF OLD."value" = NEW."value" THEN RETURN NULL; END IF;
    INSERT INTO "integration"."integration_setting_change" ("key", "old_value", "new_value", "changed_by")
      VALUES (NEW."key", OLD."value", NEW."value", NEW."updated_by");
    PERFORM pg_notify(TG_TABLE_SCHEMA || '_settings', NEW."key");
    RETURN NULL;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO "integration"."integration_setting_change" ("key", "old_value", "changed_by")
      VALUES (OLD."key", OLD."value", remover);
    PERFORM pg_notify(TG_TABLE_SCHEMA || '_settings', OLD."key");
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO "integration"."integration_setting_change" ("key", "new_value", "changed_by")
      VALUES (NEW."key", NEW."value", NEW."updated_by");
    PERFORM pg_notify(TG_TABLE_SCHEMA || '_settings', NEW."key");
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER "integration_setting_audit" AFTER INSERT OR UPDATE OR DELETE ON "integration"."integration_setting"
  FOR EACH ROW EXECUTE FUNCTION "integration"."record_setting_change"();
CREATE TRIGGER "integration_setting_audit_truncate" BEFORE TRUNCATE ON "integration"."integration_setting"
  FOR EACH STATEMENT EXECUTE FUNCTION "integration"."record_setting_change"();

-- The partition of an aggregate among so many: written down here for good, stored cursors rest on it.
CREATE FUNCTION "integration"."integration_partition"("aggregate_type" text, "aggregate_id" text, "partitions" integer)
  RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN ((('x' || substr(md5("aggregate_type" || chr(31) || "aggregate_id"), 1, 8))::bit(32)::bigint & 2147483647) % "partitions")::integer;

-- What became of an event at each consumer that wants it: pending, processing, processed, failed, dead_letter, or skipped
-- (a handler said that the event is not for it). An inbox row decides if there is one; else what is unread is pending, the rest
-- processed. available_at: when a pending or failed one is due, null for one that is due now or waits for another event.
-- Meant for some events at a time: <@ unpacks the whole of unread for every row.
CREATE VIEW "integration"."outbox_event_status" AS
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
LEFT JOIN "integration"."inbox_event" i ON i."outbox_event_id" = e."id" AND i."consumer_name" = c."consumer_name"
WHERE i."id" IS NOT NULL
  OR (e."position" >= c."starts_at" AND EXISTS (
    SELECT FROM unnest(c."event_names") AS n("name")
    WHERE n."name" = e."event_name" OR (right(n."name", 1) = '*' AND starts_with(e."event_name", left(n."name", -1)))));
