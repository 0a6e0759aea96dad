import type { ExtensionRights } from '../../maintenance/privileges.js';

/** The rights on the tables of webhooks. docs/guide/operate/security.md has them as GRANT statements. */
export const WEBHOOK_RIGHTS: ExtensionRights = {
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
