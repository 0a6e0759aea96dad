import type { ExtensionRights } from '../maintenance/privileges.js';

/** The rights on the table of schedules. docs/guide/operate/security.md has them as GRANT statements. */
export const SCHEDULE_RIGHTS: ExtensionRights = {
  engine: [
    { on: 'integration_schedule', privileges: ['SELECT', 'INSERT', 'UPDATE'] },
    { on: 'integration_audit', privileges: ['INSERT'] },
    { on: 'outbox_event', privileges: ['INSERT'] },
  ],
  client: [],
  maintenance: [],
};
