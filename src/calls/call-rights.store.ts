import type { ExtensionRights } from '../maintenance/privileges.js';

/** The rights on the tables of calls. docs/guide/operate/security.md has them as GRANT statements. */
export const CALL_RIGHTS: ExtensionRights = {
  engine: [
    { on: 'external_call', privileges: ['SELECT', 'INSERT', 'UPDATE'] },
    { on: 'external_call_report', privileges: ['SELECT', 'INSERT', 'UPDATE'] },
    { on: 'outgoing_target', privileges: ['SELECT', 'INSERT', 'UPDATE'] },
    { on: 'outbox_event', privileges: ['INSERT'] },
  ],
  client: [
    { on: 'external_call', privileges: ['SELECT', 'INSERT', 'UPDATE'] },
    { on: 'external_call_report', privileges: ['SELECT', 'INSERT', 'UPDATE'] },
    { on: 'outbox_event', privileges: ['INSERT'] },
  ],
  maintenance: [
    { on: 'external_call', privileges: ['SELECT', 'UPDATE', 'DELETE'] },
    { on: 'external_call_report', privileges: ['SELECT', 'UPDATE', 'DELETE'] },
  ],
};
