-- The contracts that processes have booted with. The decision: docs/decisions/0061.
-- schema: the JSON Schema of what is stored; null if the library of the schema has none. schema_hash: SHA-256 (hex) of its constraints,
-- without descriptions and in one order. retired_at: since when a process says that the event is no longer published. Nothing deletes
-- rows: a version counts as stored for as long as it is listed here.
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
