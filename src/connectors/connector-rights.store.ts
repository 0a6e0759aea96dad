import type { ExtensionRights } from '../maintenance/privileges.js';

/** The rights on the tables of connections. docs/guide/operate/security.md has them as GRANT statements. */
export const CONNECTOR_RIGHTS: ExtensionRights = {
  engine: [
    { on: 'connector_definition', privileges: ['SELECT', 'INSERT', 'UPDATE'] },
    { on: 'connection', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
    { on: 'connection_token', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
    { on: 'connection_webhook', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
    { on: 'outgoing_target', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
    { on: 'oauth_authorization', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
    { on: 'connector_gate', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
    { on: 'integration_audit', privileges: ['INSERT'] },
    { on: 'outbox_event', privileges: ['INSERT'] },
  ],
  client: [],
  maintenance: [{ on: 'connector_gate', privileges: ['SELECT', 'DELETE'] }],
};
