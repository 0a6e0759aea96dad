import type { ExtensionRights } from '../../maintenance/privileges.js';

/*
 * The rights on the tables of webhooks. docs/guide/operate/security.md has them as GRANT statements.
 */

export const RECEIVING_RIGHTS: ExtensionRights = {
  engine: [
    { on: 'webhook_count', privileges: ['SELECT', 'INSERT', 'UPDATE'] },
    { on: 'webhook_source', privileges: ['SELECT', 'INSERT', 'UPDATE'] },
    { on: 'webhook_refusal', privileges: ['SELECT', 'INSERT', 'DELETE'] },
    { on: 'webhook_body', privileges: ['SELECT'] },
    { on: 'webhook_inbound', privileges: ['SELECT'] },
  ],
  client: [
    { on: 'webhook_receipt', privileges: ['SELECT', 'INSERT'] },
    { on: 'webhook_body', privileges: ['INSERT'] },
    { on: 'outbox_event', privileges: ['INSERT'] },
  ],
  maintenance: [
    { on: 'webhook_receipt', privileges: ['SELECT', 'DELETE'] },
    { on: 'webhook_body', privileges: ['DELETE'] },
    { on: 'webhook_count', privileges: ['DELETE'] },
    { on: 'webhook_source', privileges: ['DELETE'] },
  ],
};

/** Only an application with the option `outgoing` needs them. */
export const SENDING_RIGHTS: ExtensionRights = {
  engine: [
    { on: 'webhook_destination', privileges: ['SELECT', 'UPDATE'] },
    { on: 'webhook_subscription', privileges: ['SELECT'] },
    { on: 'webhook_delivery', privileges: ['SELECT', 'UPDATE'] },
    { on: 'webhook_message', privileges: ['SELECT'] },
    { on: 'webhook_attempt', privileges: ['SELECT'] },
    { on: 'outgoing_target', privileges: ['SELECT', 'UPDATE'] },
  ],
  client: [],
  maintenance: [
    // A process that delivers routes and sends as well. Without these its router pauses, and says why.
    { on: 'webhook_delivery', privileges: ['INSERT', 'DELETE'] },
    // UPDATE is for the locks of rows. No message is changed.
    { on: 'webhook_message', privileges: ['INSERT', 'UPDATE', 'DELETE'] },
    { on: 'webhook_attempt', privileges: ['INSERT', 'DELETE'] },
    // Its sender publishes events about destinations.
    { on: 'outbox_event', privileges: ['INSERT'] },
    // Redrives and replays of many deliveries are stored operations.
    { on: 'integration_operation', privileges: ['INSERT'] },
  ],
};
