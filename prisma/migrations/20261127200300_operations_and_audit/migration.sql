-- What operating the package needs beside the state of consumers. All of it is the engine's own, because the engine's
-- saves and heartbeats write it. The decision: docs/decisions/0045.

-- Who did what, why, and how it ended. Rows are only added, in the transaction of the change; retention deletes those
-- that are older than 400 days. via: service, cli or rest. action: such as consumers.pause. target: such as
-- consumer/billing. before and after: what changed. affected: how many rows or events. outcome: done, failed or
-- denied.
CREATE TABLE "integration"."integration_audit" (
  "id"              bigint       GENERATED ALWAYS AS IDENTITY (MAXVALUE 9007199254740991) PRIMARY KEY,
  "at"              timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "actor"           varchar(255) NOT NULL,
  "via"             varchar(31)  NOT NULL,
  "action"          varchar(63)  NOT NULL,
  "target"          varchar(511),
  "before"          jsonb,
  "after"           jsonb,
  "reason"          text,
  "affected"        bigint,
  "outcome"         varchar(31)  NOT NULL,
  "idempotency_key" varchar(255)
);
-- Pages go by (at, id), for everything and for one actor, action or target.
CREATE INDEX "integration_audit_at_idx" ON "integration"."integration_audit" ("at", "id");
CREATE INDEX "integration_audit_actor_idx" ON "integration"."integration_audit" ("actor", "at", "id");
CREATE INDEX "integration_audit_action_idx" ON "integration"."integration_audit" ("action", "at", "id");
CREATE INDEX "integration_audit_target_idx" ON "integration"."integration_audit" ("target", "at", "id");
-- Denials and failures are looked for among all that admins did. Hardly any entry is one.
CREATE INDEX "integration_audit_outcome_idx" ON "integration"."integration_audit" ("outcome", "at", "id");

-- What people noted about dead letters of one kind at one consumer. The counts come from inbox_event. An empty
-- fingerprint stands for dead letters that have none. Dead letters behind acknowledged_upto came after the
-- acknowledgement.
CREATE TABLE "integration"."integration_failure_group" (
  "consumer_name"     varchar(127) NOT NULL,
  "fingerprint"       varchar(64)  NOT NULL,
  "note"              text,
  "noted_by"          varchar(255),
  "noted_at"          timestamptz,
  "acknowledged_by"   varchar(255),
  "acknowledged_at"   timestamptz,
  "acknowledged_upto" bigint,
  PRIMARY KEY ("consumer_name", "fingerprint")
);

-- Redrives, discards, replays and other changes of many things. An operation is planned first, which changes nothing but
-- this row. Then one process works it off in portions, under a lease, as long as it is running.
CREATE TABLE "integration"."integration_operation" (
  "id"               uuid         NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  -- redrive, discard, replay, or a kind that a part of the package brings.
  "kind"             varchar(32)  NOT NULL CHECK ("kind" ~ '^[a-z][a-z0-9.-]*$'),
  "state"            varchar(16)  NOT NULL DEFAULT 'planned' CHECK ("state" IN ('planned', 'running', 'paused', 'done', 'cancelled', 'failed')),
  -- What it takes, as the service was given it.
  "filter"           jsonb        NOT NULL,
  -- At most so many events, the oldest first; a canary has a small number. Null for all that the filter finds.
  "max_events"       bigint,
  -- How many events the plan found, whether there are at least so many, and the parts of that number by consumer and kind.
  "planned_events"   bigint       NOT NULL,
  "planned_at_least" boolean      NOT NULL DEFAULT false,
  "plan"             jsonb        NOT NULL DEFAULT '{}',
  -- Events a second, and after how many failures, or above which share of them, it stops by itself. Null: no limit.
  "rate"             integer      CHECK ("rate" > 0),
  "stop_after"       integer      CHECK ("stop_after" > 0),
  "stop_above_percent" integer    CHECK ("stop_above_percent" BETWEEN 1 AND 99),
  -- How many events it has changed so far, how many of them failed again, and behind which row it goes on.
  "changed"          bigint       NOT NULL DEFAULT 0,
  "failures"         bigint       NOT NULL DEFAULT 0,
  "next_position"    bigint,
  "next_id"          uuid,
  -- The counts of its end: succeeded, failed in the same way, failed otherwise. Kept when the rows are gone.
  "verdict"          jsonb,
  -- Why it failed.
  "error"            text,
  "requested_by"     varchar(255) NOT NULL,
  "via"              varchar(31)  NOT NULL,
  "reason"           text,
  "created_at"       timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "started_at"       timestamptz,
  "progressed_at"    timestamptz,
  "finished_at"      timestamptz,
  "cancelled_by"     varchar(255),
  "cancel_asked_at"  timestamptz,
  -- The process that works on it. Each portion is fenced by the token.
  "lease_owner"      uuid,
  "lease_token"      uuid,
  "lease_expires_at" timestamptz
);
CREATE INDEX "integration_operation_created_idx" ON "integration"."integration_operation" ("created_at", "id");
-- The operations of one consumer, for its page.
CREATE INDEX "integration_operation_consumer_idx" ON "integration"."integration_operation" ((("filter"->>'consumerName')::varchar(127)), "created_at", "id");
CREATE INDEX "integration_operation_state_idx" ON "integration"."integration_operation" ("state", "created_at", "id");

-- Dead letters that somebody rehearses: a process runs the handler, and rolls its transaction back. asked: no process has
-- it yet. running: a process has it until ends_by. ended: the result is there. Retention deletes what is older than an
-- hour. The decision: docs/decisions/0124.
CREATE TABLE "integration"."integration_rehearsal" (
  "id"              uuid         NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  -- fence: written in the transaction of a rehearsal, and never committed.
  "state"           varchar(16)  NOT NULL DEFAULT 'asked' CHECK ("state" IN ('asked', 'running', 'ended', 'fence')),
  "consumer_name"   varchar(127) NOT NULL,
  "outbox_event_id" uuid         NOT NULL,
  "position"        bigint       NOT NULL,
  "requested_by"    varchar(255) NOT NULL,
  "asked_at"        timestamptz  NOT NULL DEFAULT clock_timestamp(),
  -- The process that runs it.
  "process_id"      uuid,
  "host"            text,
  "pid"             integer,
  "started_at"      timestamptz,
  "ends_by"         timestamptz,
  "ended_at"        timestamptz,
  -- What came of it: outcome, error, lines, duration, and the events that would have been published.
  "result"          jsonb
);
CREATE INDEX "integration_rehearsal_asked_at_idx" ON "integration"."integration_rehearsal" ("asked_at");

-- Makes the COMMIT of a rehearsal fail, whoever sends it. SET CONSTRAINTS runs what waits for the COMMIT, and so it runs
-- this too. Then another row takes the place of the fence. Only a text that is nothing but SET CONSTRAINTS is let pass,
-- so that no COMMIT behind it in the same text is.
CREATE FUNCTION "integration"."refuse_commit_of_rehearsal"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_query() ~* '^\s*SET\s+CONSTRAINTS\s[^;]*;?\s*$' THEN
    SET CONSTRAINTS "integration"."integration_rehearsal_fence" DEFERRED;
    NEW.id := gen_random_uuid();
    INSERT INTO "integration"."integration_rehearsal" SELECT NEW.*;
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'nestjs-integration: this transaction is a rehearsal, and a rehearsal is never committed'
    USING ERRCODE = 'NI001', HINT = 'Leave COMMIT to the code that opened the transaction';
END $$;
CREATE CONSTRAINT TRIGGER "integration_rehearsal_fence" AFTER INSERT ON "integration"."integration_rehearsal"
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW."state" = 'fence')
  EXECUTE FUNCTION "integration"."refuse_commit_of_rehearsal"();

-- What a request with an Idempotency-Key was answered. The same key of the same actor gets the same answer for a day
-- if the body is the same. status and answer are null while the first request is under way.
CREATE TABLE "integration"."integration_idempotency_key" (
  "actor"     varchar(255) NOT NULL,
  "key"       varchar(255) NOT NULL,
  "action"    varchar(63)  NOT NULL,
  "body_hash" varchar(64)  NOT NULL,
  "status"    integer,
  "answer"    text,
  "at"        timestamptz  NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY ("actor", "key")
);
CREATE INDEX "integration_idempotency_key_at_idx" ON "integration"."integration_idempotency_key" ("at");

-- How far each partition of each consumer was at a time: the highest position of the log, how many positions and
-- seconds it was behind, and how many dead letters it had. One process writes them every ten seconds. Kept for a
-- week; of what is older than an hour, one a minute.
CREATE TABLE "integration"."integration_sample" (
  "at"            timestamptz  NOT NULL,
  "consumer_name" varchar(127) NOT NULL,
  "partition"     integer      NOT NULL,
  "head"          bigint       NOT NULL,
  "backlog"       bigint       NOT NULL,
  "lag_s"         real,
  "dead"          integer      NOT NULL,
  PRIMARY KEY ("consumer_name", "partition", "at")
);
CREATE INDEX "integration_sample_at_idx" ON "integration"."integration_sample" ("at");

-- What one process has done for one consumer in one minute, by the clock of the process: events that were handled (or
-- skipped), attempts that failed, and how long it took from the creation of an event until it was handled. latency:
-- how many events in each class; the code has the bounds. upto: the end of the time that the row covers. A process
-- overwrites its own row until the minute is over. Kept for a week (docs/decisions/0054).
CREATE TABLE "integration"."integration_work" (
  "consumer_name" varchar(127) NOT NULL,
  "at"            timestamptz  NOT NULL,
  "process_id"    uuid         NOT NULL,
  "upto"          timestamptz  NOT NULL,
  "handled"       integer      NOT NULL,
  "failed"        integer      NOT NULL,
  "latency"       integer[]    NOT NULL,
  PRIMARY KEY ("consumer_name", "at", "process_id")
);
CREATE INDEX "integration_work_at_idx" ON "integration"."integration_work" ("at");

-- What one consumer has done in one hour, and how far it was, made of the two tables above when the hour has been over for
-- some time. The row with an empty name is all consumers together. published and settled: positions in a second. backlog,
-- lag_s and dead: the most of the hour. Null where no sample is. Kept for hourlyRetentionDays (docs/decisions/0117).
CREATE TABLE "integration"."integration_hour" (
  "consumer_name" varchar(127) NOT NULL,
  "at"            timestamptz  NOT NULL,
  "handled"       integer      NOT NULL,
  "failed"        integer      NOT NULL,
  "latency"       integer[]    NOT NULL,
  "published"     real,
  "settled"       real,
  "backlog"       bigint,
  "lag_s"         real,
  "dead"          integer,
  PRIMARY KEY ("consumer_name", "at")
);
CREATE INDEX "integration_hour_at_idx" ON "integration"."integration_hour" ("at");
