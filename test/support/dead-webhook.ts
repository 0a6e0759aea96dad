import type { TestDatabase } from './test-database.js';

/** A destination of tenants with one dead delivery, of position 1. */
export const DESTINATION = '00000000-0000-7000-8000-0000000000d1';

export async function withDeadWebhook({ pool }: TestDatabase): Promise<void> {
  await pool.query(`
    INSERT INTO integration.webhook_destination (id, tenant_id, url, event_types)
      VALUES ('${DESTINATION}', 'acme', 'https://receiver.example/', '{*}');
    INSERT INTO integration.outgoing_target (kind, id, tenant_id, lane) VALUES ('webhook', '${DESTINATION}', 'acme', 1);
    INSERT INTO integration.webhook_message (position, tenant_id, outbox_event_id, event_name, type, data, event_at)
      VALUES (1, 'acme', '${DESTINATION}', 'order.placed', 'order.placed', '{}', now());
    INSERT INTO integration.webhook_delivery (destination_id, position, tenant_id, entity, status, attempts, last_status)
      VALUES ('${DESTINATION}', 1, 'acme', 0, 'dead', 8, 500);`);
}
