-- What operating the package needs: the history of exceptions, groups of failures, the audit, stored operations, samples of the
-- backlog, and what processes say of themselves. All of it is the engine's own, because the engine's saves and heartbeats write it.
-- The decision: docs/decisions/0045. Columns without a default, or with a constant one, are added without rewriting their table.

-- Since when a consumer is paused stands in paused_at. These say by whom and why. A process of an earlier version that pauses or resumes
-- does not know them, so they mean something only if paused_by_at is paused_at.
ALTER TABLE "integration"."inbox_cursor"
  ADD COLUMN "paused_by" varchar(255),
  ADD COLUMN "pause_reason" text,
  ADD COLUMN "paused_by_at" timestamptz;

-- attempts: the last ten attempts that failed, the oldest first. Each is an object with attempt (its number), at (when it began), ms (how
-- long it ran; null if unknown), process, host and pid (who ran it), error (its text), stack (at most 4 KB) and fingerprint.
-- resolution: what an admin decided about the event last: action (redrive or discard), by, reason, at, and attempts (how many were
-- counted before). The columns of the failure stay as they were.
-- operation_id: the stored operation that changed the row last.
-- suspicion: `interrupted`, the next attempt runs while nothing else does; `alone`, the attempt under way does. Null for all others.
ALTER TABLE "integration"."inbox_event"
  ADD COLUMN "attempts" jsonb,
  ADD COLUMN "resolution" jsonb,
  ADD COLUMN "operation_id" uuid,
  ADD COLUMN "suspicion" varchar(16);
UPDATE "integration"."inbox_event" SET "suspicion" = "error_fingerprint"
WHERE ("status" = 'processing' OR ("status" = 'failed' AND "available_at" IS NOT NULL)) AND "error_fingerprint" IN ('alone', 'interrupted');

-- Dead letters of one kind, in the order of their positions.
CREATE INDEX "inbox_event_dead_letter_idx" ON "integration"."inbox_event" ("consumer_name", "error_fingerprint", "position")
  WHERE "status" = 'dead_letter';
-- What became of the events of an operation. Most rows belong to none.
CREATE INDEX "inbox_event_operation_idx" ON "integration"."inbox_event" ("operation_id", "status") WHERE "operation_id" IS NOT NULL;

-- Earlier versions keep the suspicion in error_fingerprint, where the kind of the failure belongs. As long as they may run beside this one,
-- a row that is suspect shows its suspicion in both columns. A version that changes error_fingerprint alone is an earlier one. Rows
-- without a suspicion do not come here. A later migration removes this.
CREATE FUNCTION "integration"."show_suspicion"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  shown boolean := NEW."status" IN ('processing', 'failed') AND NEW."error_fingerprint" IN ('alone', 'interrupted');
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF shown THEN NEW."suspicion" := coalesce(NEW."suspicion", NEW."error_fingerprint"); END IF;
  ELSIF NEW."suspicion" IS NOT DISTINCT FROM OLD."suspicion" AND NEW."error_fingerprint" IS DISTINCT FROM OLD."error_fingerprint" THEN
    NEW."suspicion" := CASE WHEN shown THEN NEW."error_fingerprint" END;
  END IF;
  IF NEW."suspicion" IS NOT NULL THEN NEW."error_fingerprint" := NEW."suspicion"; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "inbox_event_suspicion_insert" BEFORE INSERT ON "integration"."inbox_event" FOR EACH ROW
  WHEN (NEW."suspicion" IS NOT NULL OR NEW."error_fingerprint" IN ('alone', 'interrupted'))
  EXECUTE FUNCTION "integration"."show_suspicion"();
CREATE TRIGGER "inbox_event_suspicion_update" BEFORE UPDATE ON "integration"."inbox_event" FOR EACH ROW
  WHEN (OLD."suspicion" IS NOT NULL OR NEW."suspicion" IS NOT NULL OR NEW."error_fingerprint" IN ('alone', 'interrupted'))
  EXECUTE FUNCTION "integration"."show_suspicion"();

-- What the process is: the version of the package, the values of its settings by their full names, and at most twenty attempts that
-- have run for two seconds: consumer, partition, position, event name, attempt and since. Each beat writes them. A process of an
-- earlier version leaves them empty.
ALTER TABLE "integration"."integration_process"
  ADD COLUMN "version" varchar(63),
  ADD COLUMN "settings" jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN "working" jsonb NOT NULL DEFAULT '[]';

-- The history of one setting.
CREATE INDEX "integration_setting_change_key_idx" ON "integration"."integration_setting_change" ("key", "id");

-- What people noted about dead letters of one kind at one consumer. The counts come from inbox_event. An empty fingerprint stands for
-- dead letters that have none. Dead letters behind acknowledged_upto came after the acknowledgement.
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

-- Who did what, why, and how it ended. Rows are only added, in the transaction of the change; retention deletes those that are older than
-- 400 days. via: service, cli or rest. action: such as consumers.pause. target: such as consumer/billing. before and after: what
-- changed. affected: how many rows or events. outcome: done, failed or denied.
CREATE TABLE "integration"."integration_audit" (
  "id"              bigint       GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
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

-- Redrives, discards and replays of more than one event. An operation is planned first, which changes nothing but this row. Then one
-- process works it off in portions, under a lease, as long as it is running.
CREATE TABLE "integration"."integration_operation" (
  "id"               uuid         NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  "kind"             varchar(16)  NOT NULL CHECK ("kind" IN ('redrive', 'discard', 'replay')),
  "state"            varchar(16)  NOT NULL DEFAULT 'planned' CHECK ("state" IN ('planned', 'running', 'done', 'cancelled', 'failed')),
  -- What it takes, as the service was given it.
  "filter"           jsonb        NOT NULL,
  -- At most so many events, the oldest first; a canary has a small number. Null for all that the filter finds.
  "max_events"       bigint,
  -- How many events the plan found, whether there are at least so many, and the parts of that number by consumer and kind.
  "planned_events"   bigint       NOT NULL,
  "planned_at_least" boolean      NOT NULL DEFAULT false,
  "plan"             jsonb        NOT NULL DEFAULT '{}',
  -- Events a second, and after how many failures it stops by itself. Null: no limit.
  "rate"             integer      CHECK ("rate" > 0),
  "stop_after"       integer      CHECK ("stop_after" > 0),
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
CREATE INDEX "integration_operation_state_idx" ON "integration"."integration_operation" ("state", "created_at", "id");

-- How far each partition of each consumer was at a time: the highest position of the log, how many positions and seconds it was behind,
-- and how many dead letters it had. One process writes them every ten seconds. Kept for a week; of what is older than an hour, one a
-- minute.
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

-- What a request with an Idempotency-Key was answered. The same key of the same actor gets the same answer for a day if the body is the
-- same. status and answer are null while the first request is under way.
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
