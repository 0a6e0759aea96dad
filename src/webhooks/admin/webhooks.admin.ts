import type { AdminAddition } from '../../admin/routes/admin-sections.js';
import { WebhookDestinationsHandlers } from './destinations.handlers.js';
import { WebhookEndpointsHandlers } from './endpoints.handlers.js';
import { WebhookSendAgainHandlers } from './send-again.handlers.js';
import { WebhookSourcesHandlers } from './sources.handlers.js';

/** The sections of the admin API that webhooks bring. */
export const webhooksAdmin: AdminAddition = {
  sections: [
    WebhookSourcesHandlers,
    WebhookEndpointsHandlers,
    WebhookDestinationsHandlers,
    WebhookSendAgainHandlers,
  ],
  statuses: {
    INTEGRATION_WEBHOOK_SOURCE_UNKNOWN: 404,
    INTEGRATION_WEBHOOK_ENDPOINT_UNKNOWN: 404,
    INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN: 404,
    INTEGRATION_WEBHOOK_URL_REFUSED: 400,
    INTEGRATION_WEBHOOK_EVENT_NOT_PUBLIC: 400,
  },
};
