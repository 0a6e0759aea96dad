import type { AdminAddition } from '../../admin/routes/admin-sections.js';
import { WebhookEndpointsHandlers } from './endpoints.handlers.js';
import { WebhookSourcesHandlers } from './sources.handlers.js';

/** The sections of the admin API that webhooks bring. */
export const webhooksAdmin: AdminAddition = {
  sections: [WebhookSourcesHandlers, WebhookEndpointsHandlers],
  statuses: { INTEGRATION_WEBHOOK_SOURCE_UNKNOWN: 404, INTEGRATION_WEBHOOK_ENDPOINT_UNKNOWN: 404 },
};
