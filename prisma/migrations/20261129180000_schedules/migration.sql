-- Schedules: names whose event is published at their times. The decision: docs/decisions/0146.

-- One schedule. cron or every_ms: its timing, read in time_zone. anchor_at: where its intervals begin.
-- run_limit and runs_left: how many events it publishes, and how many are left. consumer: whose work is looked at for overlap.
-- next_at: when it is due; null when it has ended. last_at: the last time that was published. last_event_id: the last event,
-- also one that somebody asked for. skipped: times that were skipped because the last event was not done.
-- place: where the code stands that set it; null if a service or a command did.
CREATE TABLE "integration"."integration_schedule" (
  "name"          varchar(100) NOT NULL,
  "cron"          varchar(255),
  "every_ms"      bigint,
  "time_zone"     varchar(63)  NOT NULL,
  "anchor_at"     timestamptz  NOT NULL,
  "starts_at"     timestamptz,
  "ends_at"       timestamptz,
  "run_limit"     integer,
  "runs_left"     integer,
  "missed"        varchar(4)   NOT NULL CHECK ("missed" IN ('once', 'skip', 'all')),
  "overlap"       varchar(5)   NOT NULL CHECK ("overlap" IN ('skip', 'queue')),
  "consumer"      varchar(127) NOT NULL,
  "payload"       jsonb        NOT NULL DEFAULT 'null',
  "next_at"       timestamptz,
  "last_at"       timestamptz,
  "last_event_id" uuid,
  "skipped"       bigint       NOT NULL DEFAULT 0,
  "skipped_at"    timestamptz,
  "paused_at"     timestamptz,
  "place"         text,
  "changed_by"    varchar(255) NOT NULL,
  "changed_at"    timestamptz  NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY ("name"),
  CHECK (("cron" IS NULL) <> ("every_ms" IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX "integration_schedule_due_idx" ON "integration"."integration_schedule" ("next_at")
  WHERE "paused_at" IS NULL AND "next_at" IS NOT NULL;
