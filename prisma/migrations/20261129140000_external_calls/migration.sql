-- Calls to other systems. The decision: docs/decisions/0145.

-- The work of calls has a kind for each type, and types have names.
ALTER TABLE "integration"."outgoing_target" ALTER COLUMN "kind" TYPE varchar(127);

-- One call. target: the row of outgoing_target in whose lane it runs, one for each tenant, type and group.
-- attempt: how often it was begun, counted before. owner_token: who runs it; one that nobody runs is of a process that has died.
-- crashes: how often it was taken from a process that had died. is_unknown: an attempt to start it has failed, and the other
-- system may have taken it all the same. polls: how often was asked in a row. failures: how often asking has failed in a row.
-- caller: the saga that made it. metadata: what its events inherit. cancel_reason: it is to be cancelled.
-- due_at: when it is to be begun, asked for or cancelled; null while it only waits for a report.
CREATE TABLE "integration"."external_call" (
  "id"              uuid         NOT NULL,
  "tenant_id"       varchar(127) NOT NULL DEFAULT '',
  "type"            varchar(60)  NOT NULL,
  "group_key"       varchar(127) NOT NULL DEFAULT '',
  "target"          uuid         NOT NULL,
  "subject_type"    varchar(127),
  "subject_id"      varchar(255),
  "status"          varchar(15)  NOT NULL DEFAULT 'requested'
    CHECK ("status" IN ('requested', 'processing', 'completed', 'failed', 'canceled')),
  "request"         jsonb        NOT NULL,
  "result"          jsonb,
  "error"           jsonb,
  "external_id"     varchar(255),
  "attempt"         integer      NOT NULL DEFAULT 0,
  "owner_token"     uuid,
  "crashes"         integer      NOT NULL DEFAULT 0,
  "is_unknown"      boolean      NOT NULL DEFAULT false,
  "polls"           integer      NOT NULL DEFAULT 0,
  "failures"        integer      NOT NULL DEFAULT 0,
  "last_error"      text,
  "idempotency_key" varchar(255),
  "caller"          jsonb,
  "metadata"        jsonb        NOT NULL DEFAULT '{}',
  "cancel_reason"   text,
  "retry_of"        uuid,
  "due_at"          timestamptz,
  "deadline_at"     timestamptz  NOT NULL,
  "created_at"      timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "changed_at"      timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "ended_at"        timestamptz,
  PRIMARY KEY ("id"),
  CHECK (("ended_at" IS NULL) = ("status" IN ('requested', 'processing'))),
  CHECK ("ended_at" IS NULL OR "due_at" IS NULL),
  CHECK (("subject_type" IS NULL) = ("subject_id" IS NULL))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX "external_call_key_key" ON "integration"."external_call" ("tenant_id", "type", "idempotency_key")
  WHERE "idempotency_key" IS NOT NULL;
CREATE UNIQUE INDEX "external_call_external_id_key" ON "integration"."external_call" ("tenant_id", "type", "external_id")
  WHERE "external_id" IS NOT NULL;
CREATE INDEX "external_call_due_idx" ON "integration"."external_call" ("target", "due_at") WHERE "due_at" IS NOT NULL;
CREATE INDEX "external_call_deadline_idx" ON "integration"."external_call" ("deadline_at") WHERE "ended_at" IS NULL;
CREATE INDEX "external_call_ended_idx" ON "integration"."external_call" ("ended_at") WHERE "ended_at" IS NOT NULL;
CREATE INDEX "external_call_retry_idx" ON "integration"."external_call" ("retry_of") WHERE "retry_of" IS NOT NULL;
CREATE INDEX "external_call_subject_idx" ON "integration"."external_call" ("subject_type", "subject_id")
  WHERE "subject_id" IS NOT NULL;

-- What was heard of calls, in the order in which it came. call_id: null while no call has the external id; then it waits.
-- applied: whether it has changed the call. times: how often the same was heard in a row, at last at last_at.
CREATE TABLE "integration"."external_call_report" (
  "id"          bigint       GENERATED ALWAYS AS IDENTITY (MAXVALUE 9007199254740991),
  "call_id"     uuid,
  "tenant_id"   varchar(127) NOT NULL DEFAULT '',
  "type"        varchar(60)  NOT NULL,
  "external_id" varchar(255),
  "phase"       varchar(15)  NOT NULL CHECK ("phase" IN ('processing', 'completed', 'failed', 'canceled')),
  "source"      varchar(127) NOT NULL,
  "data"        jsonb,
  "applied"     boolean      NOT NULL DEFAULT false,
  "times"       integer      NOT NULL DEFAULT 1,
  "at"          timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "last_at"     timestamptz  NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY ("id"),
  CHECK ("call_id" IS NOT NULL OR "external_id" IS NOT NULL)
);
CREATE INDEX "external_call_report_call_idx" ON "integration"."external_call_report" ("call_id", "id") WHERE "call_id" IS NOT NULL;
CREATE INDEX "external_call_report_waiting_idx" ON "integration"."external_call_report" ("tenant_id", "type", "external_id", "id")
  WHERE "call_id" IS NULL;
