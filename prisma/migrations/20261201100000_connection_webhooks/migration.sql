-- Webhooks and health checks of connections. The decisions: docs/decisions/0158 and 0159.

-- An endpoint may belong to a connection, one for each source, and goes with it.
CREATE UNIQUE INDEX "webhook_inbound_connection_idx" ON "integration"."webhook_inbound" ("tenant_id", "connection_id", "source")
  WHERE "connection_id" IS NOT NULL;
ALTER TABLE "integration"."webhook_inbound" ADD CONSTRAINT "webhook_inbound_connection_fkey"
  FOREIGN KEY ("tenant_id", "connection_id") REFERENCES "integration"."connection" ("tenant_id", "id") ON DELETE CASCADE;

-- What the other system of a connection was asked for, one row for each endpoint whose connector subscribes by itself. wanted:
-- whether it shall deliver. wanted_no: how often somebody has wanted something else; done_no: which of these was reached last.
-- status: `asked` from before the other system is asked until its answer is saved. subscription: what the connector's
-- subscribe has returned. owner_token: whoever asks now, until owner_until. due_at: null if nothing is to be done.
CREATE TABLE "integration"."connection_webhook" (
  "endpoint_id"   uuid         NOT NULL,
  "tenant_id"     varchar(127) NOT NULL,
  "connection_id" uuid         NOT NULL,
  "source"        varchar(63)  NOT NULL,
  "wanted"        boolean      NOT NULL DEFAULT false,
  "wanted_no"     integer      NOT NULL DEFAULT 0,
  "done_no"       integer      NOT NULL DEFAULT 0,
  "status"        varchar(10)  NOT NULL DEFAULT 'none' CHECK ("status" IN ('none', 'asked', 'subscribed')),
  "subscription"  jsonb,
  "attempts"      integer      NOT NULL DEFAULT 0,
  "last_error"    varchar(1000),
  "owner_token"   uuid,
  "owner_until"   timestamptz,
  "due_at"        timestamptz,
  PRIMARY KEY ("endpoint_id"),
  FOREIGN KEY ("endpoint_id") REFERENCES "integration"."webhook_inbound" ("id") ON DELETE CASCADE,
  FOREIGN KEY ("tenant_id", "connection_id") REFERENCES "integration"."connection" ("tenant_id", "id") ON DELETE CASCADE
) WITH (fillfactor = 70);
CREATE INDEX "connection_webhook_connection_idx" ON "integration"."connection_webhook" ("connection_id");

-- When the health of a connection is looked at next; null if it is not. health_tries: how many looks have begun since one ended.
ALTER TABLE "integration"."connection"
  ADD COLUMN "health_due_at" timestamptz,
  ADD COLUMN "health_tries" integer NOT NULL DEFAULT 0;
-- Connections that are in use and have no time yet: those of before, and those whose connector has got a health check.
CREATE INDEX "connection_unscheduled_idx" ON "integration"."connection" ("connector", "id") WHERE "state" = 'enabled' AND "health_due_at" IS NULL;
