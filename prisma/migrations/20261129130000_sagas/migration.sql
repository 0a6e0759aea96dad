-- Sagas. The decision: docs/decisions/0144.

-- One saga of a name and a key. Its row is written in the transaction of each step, under the advisory lock of saga and key.
-- step: where it stands; "started" until it says otherwise. version: that of the state. steps: how many rows of saga_step it
-- has. undo: the events that an undo publishes, the last one first. timeouts: by name, the token of the event that is due, and when.
-- changed_at: the last step. Events that were skipped do not count.
CREATE TABLE "integration"."saga_instance" (
  "saga"       varchar(100) NOT NULL,
  "key"        varchar(255) NOT NULL,
  "id"         uuid         NOT NULL,
  "tenant_id"  varchar(127) NOT NULL DEFAULT '',
  "step"       varchar(127) NOT NULL,
  "status"     varchar(15)  NOT NULL CHECK ("status" IN ('active', 'completed', 'undone', 'canceled')),
  "state"      jsonb        NOT NULL,
  "version"    integer      NOT NULL,
  "steps"      integer      NOT NULL,
  "undo"       jsonb        NOT NULL DEFAULT '[]',
  "timeouts"   jsonb        NOT NULL DEFAULT '{}',
  "started_at" timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "changed_at" timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "ended_at"   timestamptz,
  PRIMARY KEY ("saga", "key")
) WITH (fillfactor = 80);
-- Ids begin with the time, so this is the order of a list.
CREATE UNIQUE INDEX "saga_instance_id_key" ON "integration"."saga_instance" ("id");
CREATE INDEX "saga_instance_changed_idx" ON "integration"."saga_instance" ("changed_at") WHERE "status" = 'active';
CREATE INDEX "saga_instance_ended_idx" ON "integration"."saga_instance" ("ended_at") WHERE "ended_at" IS NOT NULL;

-- What a saga did, in order: its events, timeouts, and what an admin decided. reason: why an event was skipped, or why the
-- saga was undone or ended. outbox_event_id: the event that was handled; null for an admin.
CREATE TABLE "integration"."saga_step" (
  "id"              uuid         NOT NULL,
  "n"               integer      NOT NULL,
  "outbox_event_id" uuid,
  "name"            varchar(255) NOT NULL,
  "step_before"     varchar(127),
  "step_after"      varchar(127) NOT NULL,
  "reason"          text,
  "at"              timestamptz  NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY ("id", "n")
);

-- Events that came before their saga, or before the step that they need. event: the whole event, because the log may delete
-- it meanwhile. wanted: the steps in which it is handled; empty for any. until: when it becomes a dead letter. released_at: when
-- the step was reached, and the event was published again. token: that of the events which are published about this row.
CREATE TABLE "integration"."saga_waiting" (
  "saga"        varchar(100) NOT NULL,
  "key"         varchar(255) NOT NULL,
  "position"    bigint       NOT NULL,
  "event"       jsonb        NOT NULL,
  "wanted"      text[]       NOT NULL,
  "until"       timestamptz  NOT NULL,
  "released_at" timestamptz,
  "token"       uuid         NOT NULL,
  PRIMARY KEY ("saga", "key", "position")
);
CREATE INDEX "saga_waiting_until_idx" ON "integration"."saga_waiting" ("until");
