-- Webhooks that others send to the application. The decisions: docs/decisions/0062 and 0066.

-- One row for each delivery that was accepted, or that `once` has done. key_hash: SHA-256 of what the source calls the
-- delivery. body_hash: SHA-256 of its bytes, by which the same body under another id is found; null for `once`.
-- tenant_id is empty for hosts without tenants. Retention deletes rows that are older than the setting
-- core.integration.webhooks.receiptDays.
CREATE TABLE "integration"."webhook_receipt" (
  "source"          varchar(63)  NOT NULL,
  "tenant_id"       varchar(127) NOT NULL DEFAULT '',
  "key_hash"        bytea        NOT NULL CHECK (octet_length("key_hash") = 32),
  "body_hash"       bytea        CHECK (octet_length("body_hash") = 32),
  "outbox_event_id" uuid,
  "endpoint_id"     uuid,
  "received_at"     timestamptz  NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY ("source", "tenant_id", "key_hash")
);
CREATE INDEX "webhook_receipt_body_idx" ON "integration"."webhook_receipt" ("source", "body_hash");
CREATE INDEX "webhook_receipt_received_idx" ON "integration"."webhook_receipt" USING brin ("received_at");

-- The bytes of a body that jsonb cannot hold. They are deleted after their event is.
CREATE TABLE "integration"."webhook_body" (
  "outbox_event_id" uuid         NOT NULL PRIMARY KEY,
  "content_type"    varchar(255),
  "bytes"           bytea        NOT NULL
);

-- Endpoints of senders that belong to a tenant: the id stands in the URL. Their secrets are rows of integration_secret
-- with the owner type webhook_inbound. connection_id has no foreign key, because there is no table of connections. A
-- paused endpoint answers 503, so that its sender repeats the delivery.
CREATE TABLE "integration"."webhook_inbound" (
  "id"            uuid         NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  "tenant_id"     varchar(127) NOT NULL DEFAULT '',
  "source"        varchar(63)  NOT NULL,
  "connection_id" uuid,
  "external_id"   varchar(255),
  "status"        varchar(16)  NOT NULL DEFAULT 'active' CHECK ("status" IN ('active', 'paused')),
  "created_at"    timestamptz  NOT NULL DEFAULT clock_timestamp()
);
-- Ids begin with the time, so this is the order of a list, and a page goes on behind an id whose row is gone.
CREATE INDEX "webhook_inbound_tenant_idx" ON "integration"."webhook_inbound" ("tenant_id", "id");

-- How many requests of each source came to which end on each day (UTC). Processes add to it every few seconds. Requests
-- to names that are not a source are counted under the empty name.
CREATE TABLE "integration"."webhook_count" (
  "source"  varchar(63) NOT NULL,
  "day"     date        NOT NULL,
  "outcome" varchar(31) NOT NULL,
  "count"   bigint      NOT NULL,
  PRIMARY KEY ("source", "day", "outcome")
);

-- How each source stands, by the clock of the database. last_accepted_at: the last delivery that was genuine and was
-- taken, new or repeated. refused_since: the first refusal behind it, or null if none is. refused_in_row: at least that many
-- requests were refused since then. The row of the empty name is that of requests to names that are not a source.
CREATE TABLE "integration"."webhook_source" (
  "source"           varchar(63) NOT NULL PRIMARY KEY,
  "last_accepted_at" timestamptz,
  "last_refused_at"  timestamptz,
  "refused_since"    timestamptz,
  "refused_in_row"   bigint      NOT NULL DEFAULT 0
);

-- The last 50 refused requests of each source, with nothing of their headers and bodies but what the source calls the
-- delivery. That and the id of the endpoint come from a stranger, and are cut. bytes is null if the body was not read.
CREATE TABLE "integration"."webhook_refusal" (
  "source"      varchar(63)  NOT NULL,
  "at"          timestamptz  NOT NULL,
  "id"          uuid         NOT NULL DEFAULT gen_random_uuid(),
  "step"        varchar(31)  NOT NULL,
  "delivery_id" varchar(127),
  "endpoint_id" varchar(63),
  "bytes"       integer,
  PRIMARY KEY ("source", "at", "id")
);

-- Takes one delivery into the log: its receipt, its event and, if jsonb cannot hold its body, the bytes. `delivery` is a
-- list: a receipt and an event. The receipt: source, tenant_id, key_hash and body_hash (hex), what becomes of a body that
-- came before under another id (mark, reject, or null for nothing), endpoint_id, content_type, and the bytes (base64, or
-- null). The event: as append_event takes it. `outcome` is the position of the event, or what stands in the way of it:
-- `repeated` and the id of the first event, or `rejected`.
--
-- Two deliveries with the same key: the INSERT of the second waits until the first is committed, and then inserts
-- nothing. Two with the same body and different keys: the advisory lock lets one at a time look for the other. Each call
-- takes at most one such lock, before it waits for any key, so no two calls wait for each other. No position is drawn
-- for a repetition.
CREATE PROCEDURE "integration"."receive_webhook"("delivery" jsonb, INOUT "outcome" text)
LANGUAGE plpgsql AS $$
DECLARE
  receipt  jsonb := "delivery"->0;
  event    jsonb := "delivery"->1;
  body     bytea := decode(receipt->>3, 'hex');
  twin     boolean := false;
  placed   bigint;
BEGIN
  IF receipt->>4 IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(hashtextextended(concat_ws(' ', 'webhook body', receipt->>0, receipt->>1, receipt->>3), 0));
    twin := EXISTS (SELECT FROM "integration"."webhook_receipt" r
      WHERE r."source" = receipt->>0 AND r."body_hash" = body AND r."tenant_id" = receipt->>1 AND r."key_hash" <> decode(receipt->>2, 'hex'));
    IF twin AND receipt->>4 = 'reject' AND NOT EXISTS (SELECT FROM "integration"."webhook_receipt" r
      WHERE r."source" = receipt->>0 AND r."tenant_id" = receipt->>1 AND r."key_hash" = decode(receipt->>2, 'hex')) THEN
      "outcome" := 'rejected';
      RETURN;
    END IF;
  END IF;
  INSERT INTO "integration"."webhook_receipt" ("source", "tenant_id", "key_hash", "body_hash", "outbox_event_id", "endpoint_id")
  VALUES (receipt->>0, receipt->>1, decode(receipt->>2, 'hex'), body, (event->>0)::uuid, (receipt->>5)::uuid)
  ON CONFLICT ("source", "tenant_id", "key_hash") DO NOTHING;
  IF NOT FOUND THEN
    SELECT concat_ws(' ', 'repeated', r."outbox_event_id") INTO "outcome" FROM "integration"."webhook_receipt" r
    WHERE r."source" = receipt->>0 AND r."tenant_id" = receipt->>1 AND r."key_hash" = decode(receipt->>2, 'hex');
    "outcome" := coalesce("outcome", 'repeated');
    RETURN;
  END IF;
  IF receipt->>7 IS NOT NULL THEN
    INSERT INTO "integration"."webhook_body" ("outbox_event_id", "content_type", "bytes")
    VALUES ((event->>0)::uuid, receipt->>6, decode(receipt->>7, 'base64'));
  END IF;
  IF twin THEN event := jsonb_set(event, '{8,webhook,repeatedBody}', 'true'); END IF;
  CALL "integration"."append_event"(event, placed);
  "outcome" := placed::text;
END $$;
