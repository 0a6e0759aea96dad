-- Which deliveries of webhooks an operation has sent, so that it can say what became of them.

-- The operation that has sent the delivery last. NULL where none has, and again where somebody sends it once more by itself.
ALTER TABLE "integration"."webhook_delivery" ADD COLUMN "operation_id" uuid;
CREATE INDEX "webhook_delivery_operation_idx" ON "integration"."webhook_delivery" ("operation_id", "status") WHERE "operation_id" IS NOT NULL;
