import type { ExtensionRights } from '../maintenance/privileges.js';

/** The rights on the tables of sagas. docs/guide/operate/security.md has them as GRANT statements. */
export const SAGA_RIGHTS: ExtensionRights = {
  engine: [],
  client: [
    { on: 'saga_instance', privileges: ['SELECT', 'INSERT', 'UPDATE'] },
    { on: 'saga_step', privileges: ['SELECT', 'INSERT'] },
    { on: 'saga_waiting', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
    { on: 'outbox_event', privileges: ['INSERT'] },
  ],
  maintenance: [
    { on: 'saga_instance', privileges: ['SELECT', 'UPDATE', 'DELETE'] },
    { on: 'saga_step', privileges: ['SELECT', 'DELETE'] },
    { on: 'saga_waiting', privileges: ['SELECT', 'UPDATE', 'DELETE'] },
  ],
};
