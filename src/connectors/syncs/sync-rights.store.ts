import type { ExtensionRights } from '../../maintenance/privileges.js';

/** The rights on the tables of syncs. docs/guide/operate/security.md has them as GRANT statements. */
export const SYNC_RIGHTS: ExtensionRights = {
  engine: [
    { on: 'sync_stream', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
    { on: 'sync_run', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
    { on: 'sync_record', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
    { on: 'sync_problem', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
    { on: 'outgoing_target', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
    { on: 'integration_audit', privileges: ['INSERT'] },
    { on: 'outbox_event', privileges: ['INSERT'] },
  ],
  client: [],
  maintenance: [
    { on: 'sync_run', privileges: ['SELECT', 'UPDATE', 'DELETE'] },
    { on: 'sync_record', privileges: ['SELECT', 'UPDATE', 'DELETE'] },
  ],
};
