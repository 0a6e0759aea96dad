-- Records of other systems that are kept in step. The decisions: docs/decisions/0161 to 0163.

-- One stream: a sync of a connection, or a partition of it. It is an item of the lanes of the kind `sync`, and its connection is
-- the target. status: how the last run ended. run_id: the run that is under way. owner_token: the attempt that works on it now.
-- starts: attempts since the last page was saved. open_kind: what was begun and has not come to its end, over several runs.
-- wanted_kind: what somebody has asked for. generation and full_since: the last full run that was begun. is_complete: its
-- generator came to its end. is_first_empty: its first page had nothing. is_confirmed: a person wants its deletions.
-- next_run_at: when it is due; null for never.
CREATE TABLE "integration"."sync_stream" (
  "id"             uuid         NOT NULL,
  "tenant_id"      varchar(127) NOT NULL,
  "connection_id"  uuid         NOT NULL,
  "connector"      varchar(63)  NOT NULL,
  "sync"           varchar(63)  NOT NULL,
  "partition"      varchar(127) NOT NULL DEFAULT '',
  "status"         varchar(10)  NOT NULL DEFAULT 'new'
    CHECK ("status" IN ('new', 'ok', 'failing', 'stalled', 'suspicious')),
  "is_paused"      boolean      NOT NULL DEFAULT false,
  "run_id"         uuid,
  "owner_token"    uuid,
  "starts"         integer      NOT NULL DEFAULT 0,
  "open_kind"      varchar(8)   CHECK ("open_kind" IN ('full', 'delta', 'backfill')),
  "wanted_kind"    varchar(8)   CHECK ("wanted_kind" IN ('full', 'delta', 'backfill')),
  "checkpoint"     jsonb,
  "generation"     integer      NOT NULL DEFAULT 0,
  "full_since"     timestamptz,
  "is_complete"    boolean      NOT NULL DEFAULT false,
  "is_first_empty" boolean      NOT NULL DEFAULT false,
  "is_confirmed"   boolean      NOT NULL DEFAULT false,
  "failures"       integer      NOT NULL DEFAULT 0,
  "stalled_runs"   integer      NOT NULL DEFAULT 0,
  "next_run_at"    timestamptz,
  "last_ok_at"     timestamptz,
  "created_at"     timestamptz  NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY ("id"),
  UNIQUE ("connection_id", "sync", "partition"),
  FOREIGN KEY ("tenant_id", "connection_id") REFERENCES "integration"."connection" ("tenant_id", "id") ON DELETE CASCADE
) WITH (fillfactor = 70);
CREATE INDEX "sync_stream_due_idx" ON "integration"."sync_stream" ("connection_id", "next_run_at") WHERE "next_run_at" IS NOT NULL;
CREATE INDEX "sync_stream_trouble_idx" ON "integration"."sync_stream" ("status", "id") WHERE "status" IN ('failing', 'stalled', 'suspicious');

-- One run of a stream, which may take several attempts. error: its code and its message.
CREATE TABLE "integration"."sync_run" (
  "id"          uuid         NOT NULL,
  "tenant_id"   varchar(127) NOT NULL,
  "stream_id"   uuid         NOT NULL,
  "kind"        varchar(8)   NOT NULL CHECK ("kind" IN ('full', 'delta', 'backfill')),
  "status"      varchar(10)  NOT NULL DEFAULT 'running'
    CHECK ("status" IN ('running', 'completed', 'failed', 'canceled', 'stalled', 'suspicious')),
  "pages"       integer      NOT NULL DEFAULT 0,
  "records"     bigint       NOT NULL DEFAULT 0,
  "added"       bigint       NOT NULL DEFAULT 0,
  "updated"     bigint       NOT NULL DEFAULT 0,
  "deleted"     bigint       NOT NULL DEFAULT 0,
  "unchanged"   bigint       NOT NULL DEFAULT 0,
  "problems"    bigint       NOT NULL DEFAULT 0,
  "error"       jsonb,
  "started_at"  timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "finished_at" timestamptz,
  PRIMARY KEY ("id"),
  FOREIGN KEY ("stream_id") REFERENCES "integration"."sync_stream" ("id") ON DELETE CASCADE
) WITH (fillfactor = 70);
CREATE INDEX "sync_run_stream_idx" ON "integration"."sync_run" ("stream_id", "id");
CREATE INDEX "sync_run_finished_idx" ON "integration"."sync_run" ("finished_at") WHERE "finished_at" IS NOT NULL;

-- One record as it was seen last. hash: of what the mapping has made of it. generation: the full run that has seen it last.
-- source_at: when the other system has changed it. data: null unless the sync keeps records. told_at: when somebody has told of
-- it last, as webhooks do. No index has the generation, so that a record that is seen again changes no index.
CREATE TABLE "integration"."sync_record" (
  "stream_id"   uuid         NOT NULL,
  "external_id" varchar(255) NOT NULL,
  "tenant_id"   varchar(127) NOT NULL,
  "hash"        bytea        NOT NULL,
  "generation"  integer      NOT NULL,
  "source_at"   timestamptz,
  "told_at"     timestamptz,
  "created_at"  timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "deleted_at"  timestamptz,
  "data"        jsonb,
  PRIMARY KEY ("stream_id", "external_id")
) WITH (fillfactor = 70);
CREATE INDEX "sync_record_deleted_idx" ON "integration"."sync_record" ("deleted_at") WHERE "deleted_at" IS NOT NULL;

-- A record that its mapping or its model has refused. data: as it came; null unless the sync keeps records.
CREATE TABLE "integration"."sync_problem" (
  "stream_id"   uuid          NOT NULL,
  "external_id" varchar(255)  NOT NULL,
  "tenant_id"   varchar(127)  NOT NULL,
  "path"        varchar(255)  NOT NULL,
  "reason"      varchar(1000) NOT NULL,
  "data"        jsonb,
  "seen_at"     timestamptz   NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY ("stream_id", "external_id")
);

-- What a stream has goes with it. A foreign key would look at the stream once for each record that is written. Whoever writes
-- records holds the row of the stream, so none is written beside this.
CREATE FUNCTION "integration"."sync_stream_gone"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM "integration"."sync_record" WHERE "stream_id" = OLD."id";
  DELETE FROM "integration"."sync_problem" WHERE "stream_id" = OLD."id";
  RETURN NULL;
END $$;
CREATE TRIGGER "sync_stream_gone" AFTER DELETE ON "integration"."sync_stream"
  FOR EACH ROW EXECUTE FUNCTION "integration"."sync_stream_gone"();
