-- Endpoints of incoming webhooks that belong to a tenant. The decision: docs/decisions/0062. Their secrets are rows of
-- integration_secret with the owner type webhook_inbound. connection_id has no foreign key yet, because there is no table of
-- connections.

-- A paused endpoint answers 503, so that its sender repeats the delivery.
ALTER TABLE "integration"."webhook_inbound" DROP CONSTRAINT "webhook_inbound_status_check";
UPDATE "integration"."webhook_inbound" SET "status" = 'paused' WHERE "status" = 'disabled';
ALTER TABLE "integration"."webhook_inbound" ADD CONSTRAINT "webhook_inbound_status_check" CHECK ("status" IN ('active', 'paused'));

-- Ids begin with the time, so this is the order of a list, and a page goes on behind an id whose row is gone.
DROP INDEX "integration"."webhook_inbound_tenant_idx";
CREATE INDEX "webhook_inbound_tenant_idx" ON "integration"."webhook_inbound" ("tenant_id", "id");
