-- Webhooks that the application sends. The decision: docs/decisions/0131.

-- Where a tenant wants its events. Signing secrets and the values of headers are rows of integration_secret with the owner
-- type webhook_destination; header_names shows the headers by name. disabled: the engine gave up sending to it, for the
-- reason in reason. filter is compared with the body that is sent, as @> does. ordered: what is delivered in order.
-- rate (deliveries a second), max_in_flight and timeout_ms are null for the setting, or for no limit of the rate.
--
-- behind_from: the lowest position that may have no delivery here though it should; null if none is missing. While the
-- destination is paused or disabled, the router lowers it to what it skips. While it is active, the owner of its lane raises it,
-- window by window, up to catch_up_to (to the end of the log if that is null), and then sets both to null.
CREATE TABLE "integration"."webhook_destination" (
  "id"            uuid         NOT NULL PRIMARY KEY,
  "tenant_id"     varchar(127) NOT NULL DEFAULT '',
  "url"           varchar(2047) NOT NULL,
  "event_types"   text[]       NOT NULL,
  "filter"        jsonb,
  "format"        varchar(15)  NOT NULL DEFAULT 'standard' CHECK ("format" IN ('standard', 'cloudevents')),
  "signing"       varchar(7)   NOT NULL DEFAULT 'v1' CHECK ("signing" IN ('v1', 'v1a')),
  "ordered"       varchar(7)   NOT NULL DEFAULT 'none' CHECK ("ordered" IN ('none', 'entity', 'strict')),
  "rate"          double precision CHECK ("rate" > 0),
  "max_in_flight" integer      CHECK ("max_in_flight" > 0),
  "timeout_ms"    integer      CHECK ("timeout_ms" > 0),
  "header_names"  text[]       NOT NULL DEFAULT '{}',
  "status"        varchar(15)  NOT NULL DEFAULT 'active' CHECK ("status" IN ('active', 'paused', 'disabled')),
  "reason"        text,
  "behind_from"   bigint,
  "catch_up_to"   bigint,
  "metadata"      jsonb        NOT NULL DEFAULT '{}',
  "created_at"    timestamptz  NOT NULL DEFAULT clock_timestamp()
);
-- Ids begin with the time, so this is the order of a list.
CREATE UNIQUE INDEX "webhook_destination_tenant_key" ON "integration"."webhook_destination" ("tenant_id", "id");
CREATE INDEX "webhook_destination_behind_idx" ON "integration"."webhook_destination" ("id") WHERE "behind_from" IS NOT NULL;

-- The types that a destination asks for, as its event_types has them: a type, a prefix with .* behind it, or *.
CREATE TABLE "integration"."webhook_subscription" (
  "tenant_id"      varchar(127) NOT NULL,
  "event_type"     varchar(255) NOT NULL,
  "destination_id" uuid         NOT NULL,
  PRIMARY KEY ("tenant_id", "event_type", "destination_id")
);
CREATE INDEX "webhook_subscription_destination_idx" ON "integration"."webhook_subscription" ("destination_id");

-- What is sent of an event: data is the JSON of its public contract as it was rendered when the event was routed. It is text,
-- because the same bytes are signed and sent again, also by later versions. Position and id are those of the event in the log.
CREATE TABLE "integration"."webhook_message" (
  "position"        bigint       NOT NULL PRIMARY KEY,
  "tenant_id"       varchar(127) NOT NULL DEFAULT '',
  "outbox_event_id" uuid         NOT NULL,
  "event_name"      varchar(255) NOT NULL,
  "type"            varchar(255) NOT NULL,
  "data"            text         NOT NULL,
  "event_at"        timestamptz  NOT NULL,
  "created_at"      timestamptz  NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX "webhook_message_created_idx" ON "integration"."webhook_message" USING brin ("created_at");

-- One row for each event and destination. entity: a hash of the aggregate. tries_from: how many attempts it had when somebody
-- sent it again; the schedule of retries counts from there. due_at: infinity for what waits behind another delivery of an
-- ordered destination. last_status: the HTTP status of the last answer.
CREATE TABLE "integration"."webhook_delivery" (
  "destination_id" uuid         NOT NULL,
  "position"       bigint       NOT NULL,
  "tenant_id"      varchar(127) NOT NULL DEFAULT '',
  "entity"         bigint       NOT NULL,
  "status"         varchar(15)  NOT NULL DEFAULT 'pending' CHECK ("status" IN ('pending', 'delivered', 'dead', 'cancelled')),
  "attempts"       integer      NOT NULL DEFAULT 0,
  "tries_from"     integer      NOT NULL DEFAULT 0,
  "due_at"         timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "last_status"    integer,
  "last_error"     text,
  PRIMARY KEY ("destination_id", "position")
) WITH (fillfactor = 80);
CREATE INDEX "webhook_delivery_due_idx" ON "integration"."webhook_delivery" ("destination_id", "due_at", "position") WHERE "status" = 'pending';
CREATE INDEX "webhook_delivery_entity_idx" ON "integration"."webhook_delivery" ("destination_id", "entity", "position") WHERE "status" = 'pending';
-- Lists of what is not delivered, and the first that waits of a destination in strict order.
CREATE INDEX "webhook_delivery_open_idx" ON "integration"."webhook_delivery" ("destination_id", "status", "position") WHERE "status" <> 'delivered';

-- What became of each attempt. answer: the first bytes of what the receiver answered, as text.
CREATE TABLE "integration"."webhook_attempt" (
  "destination_id" uuid        NOT NULL,
  "position"       bigint      NOT NULL,
  "attempt"        integer     NOT NULL,
  "at"             timestamptz NOT NULL DEFAULT clock_timestamp(),
  "duration_ms"    integer     NOT NULL,
  "status_code"    integer,
  "error"          text,
  "answer"         text,
  PRIMARY KEY ("destination_id", "position", "attempt")
);
CREATE INDEX "webhook_attempt_at_idx" ON "integration"."webhook_attempt" ("destination_id", "at");
