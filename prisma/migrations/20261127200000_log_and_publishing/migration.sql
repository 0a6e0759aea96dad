-- The log, the way into it, and what its events must be. The runner puts a configured schema name in the place of "integration".

CREATE SCHEMA IF NOT EXISTS "integration";

-- The log. A publish is one INSERT in the caller's transaction; no later write touches the row until
-- retention deletes it. CACHE 1 and GENERATED ALWAYS carry weight: a session cache would hand old positions to
-- later transactions. JavaScript holds whole numbers exactly up to 2^53 - 1 only. An event behind that would be
-- delivered twice or not at all, so the sequence ends there, and publishing is refused. The same holds for the
-- other numbers of rows that are read as numbers.
CREATE TABLE "integration"."outbox_event" (
  "position"       bigint       GENERATED ALWAYS AS IDENTITY (CACHE 1 MAXVALUE 9007199254740991) PRIMARY KEY,
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

-- The way of the ordinary event into the log: the INSERT that anybody may write, planned once per connection
-- instead of once per event. Hosts' clients send statements unprepared, and planning one with so many columns
-- costs as much as running it. The event is one value, because a client's work for a statement grows with the
-- number of its values (docs/decisions/0008 and 0017). `event` is a list: id, event_name, event_version,
-- source_module, aggregate_type, aggregate_id, payload, payload_bytes, metadata.
CREATE PROCEDURE "integration"."append_event"("event" jsonb, INOUT "position" bigint)
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "integration"."outbox_event" ("id", "event_name", "event_version", "source_module",
    "aggregate_type", "aggregate_id", "payload", "payload_bytes", "metadata")
  VALUES (("event"->>0)::uuid, "event"->>1, ("event"->>2)::integer, "event"->>3,
    "event"->>4, "event"->>5, "event"->6, ("event"->>7)::integer, "event"->8)
  RETURNING "outbox_event"."position" INTO "position";
END $$;

-- Event names that no consumer asks for, as far as they were noticed.
CREATE TABLE "integration"."unrouted_event" (
  "event_name"     varchar(255) NOT NULL PRIMARY KEY,
  "events"         bigint       NOT NULL,
  "first_position" bigint       NOT NULL,
  "first_seen_at"  timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "last_seen_at"   timestamptz  NOT NULL DEFAULT clock_timestamp()
);

-- The contracts that processes have booted with. The decision: docs/decisions/0061.
-- schema: the JSON Schema of what is stored; null if the library of the schema has none. schema_hash: SHA-256
-- (hex) of its constraints, without descriptions and in one order. retired_at: since when a process says that
-- the event is no longer published. Nothing deletes rows: a version counts as stored for as long as it is
-- listed here.
CREATE TABLE "integration"."event_contract" (
  "event_name"    varchar(255) NOT NULL,
  "version"       integer      NOT NULL CHECK ("version" > 0),
  "schema"        jsonb,
  "schema_hash"   varchar(64),
  "visibility"    varchar(16)  NOT NULL CHECK ("visibility" IN ('internal', 'public')),
  "description"   text,
  "registered_at" timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "retired_at"    timestamptz,
  PRIMARY KEY ("event_name", "version")
);
