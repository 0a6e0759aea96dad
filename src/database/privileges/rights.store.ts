import type { Right } from './privileges.store.js';

/*
 * The rights that a role needs for each kind of work. docs/guide/operate/security.md has the same rights as
 * GRANT statements.
 */

/** What every process reads first. */
export const OF_BOOT: readonly Right[] = [{ on: 'integration_setting', privileges: ['SELECT'] }];
export const OF_VERIFICATION: readonly Right[] = [{ on: 'integration_migration', privileges: ['SELECT'] }];

export const OF_HEARTBEAT: readonly Right[] = [
  { on: 'integration_process', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
  { on: 'integration_start', privileges: ['SELECT', 'INSERT', 'UPDATE'] },
  { on: 'inbox_cursor', privileges: ['SELECT', 'UPDATE'] },
  { on: 'inbox_event', privileges: ['SELECT'] },
  { on: 'inbox_replay', privileges: ['SELECT'] },
  { on: 'outbox_event', privileges: ['SELECT'] },
];

export const OF_REGISTRATION: readonly Right[] = [
  { on: 'inbox_cursor', privileges: ['INSERT'] },
  { on: 'integration_setting_change', privileges: ['SELECT'] },
];

export const OF_DELIVERY: readonly Right[] = [
  { on: 'inbox_event', privileges: ['INSERT', 'UPDATE', 'DELETE'] },
];

/**
 * Rights for the work besides delivery. Without one of them only a part of that work fails, and the rest
 * continues.
 */
export const OF_MAINTENANCE: readonly Right[] = [
  { on: 'outbox_event', privileges: ['DELETE'] },
  { on: 'outbox_event_position_seq', privileges: ['SELECT'] },
  { on: 'inbox_replay', privileges: ['UPDATE'] },
  { on: 'integration_maintenance', privileges: ['SELECT', 'INSERT', 'UPDATE'] },
  { on: 'unrouted_event', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
  { on: 'integration_audit', privileges: ['SELECT', 'INSERT', 'DELETE'] },
  { on: 'integration_operation', privileges: ['SELECT', 'UPDATE', 'DELETE'] },
  { on: 'integration_rehearsal', privileges: ['SELECT', 'UPDATE', 'DELETE'] },
  { on: 'integration_sample', privileges: ['SELECT', 'INSERT', 'DELETE'] },
  { on: 'integration_work', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
  { on: 'integration_hour', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
  { on: 'integration_start', privileges: ['DELETE'] },
  { on: 'integration_idempotency_key', privileges: ['SELECT', 'DELETE'] },
];

export const OF_PUBLISHERS: readonly Right[] = [{ on: 'outbox_event', privileges: ['SELECT', 'INSERT'] }];

export const OF_TRANSACTIONAL_HANDLERS: readonly Right[] = [
  { on: 'inbox_cursor', privileges: ['SELECT', 'UPDATE'] },
  { on: 'inbox_event', privileges: ['SELECT', 'INSERT', 'UPDATE'] },
];

/** What a rehearsal of a transactional handler needs beside the rights of the handler. */
export const OF_REHEARSALS: readonly Right[] = [
  { on: 'integration_rehearsal', privileges: ['SELECT', 'INSERT'] },
  { on: 'outbox_event', privileges: ['SELECT'] },
];
