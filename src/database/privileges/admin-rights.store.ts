import type { Right } from './privileges.store.js';

const TABLES = [
  'outbox_event',
  'unrouted_event',
  'inbox_cursor',
  'inbox_event',
  'inbox_replay',
  'integration_process',
  'integration_maintenance',
  'integration_migration',
  'integration_setting',
  'integration_setting_change',
  'integration_link',
  'integration_long_link',
  'integration_failure_group',
  'integration_audit',
  'integration_operation',
  'integration_rehearsal',
  'integration_sample',
  'integration_lease',
  'integration_work',
  'integration_hour',
  'integration_start',
  'integration_data_key',
  'integration_secret',
  'integration_idempotency_key',
  'event_contract',
];
const CHANGED = [
  'inbox_cursor',
  'inbox_event',
  'inbox_replay',
  'integration_setting',
  'integration_data_key',
  'integration_secret',
  'integration_failure_group',
  'integration_operation',
  'integration_rehearsal',
  'integration_idempotency_key',
];
/** What is measured of consumers. It goes, or changes its name, with the consumer. */
const OF_CONSUMERS = ['integration_sample', 'integration_work', 'integration_hour'];

/** What a role needs that administers. docs/guide/operate/security.md has the same as GRANT statements. */
export const OF_ADMINS: readonly Right[] = [
  ...TABLES.map((on): Right => ({ on, privileges: ['SELECT'] })),
  { on: 'outbox_event_position_seq', privileges: ['SELECT'] },
  ...CHANGED.map((on): Right => ({ on, privileges: ['INSERT', 'UPDATE', 'DELETE'] })),
  ...OF_CONSUMERS.map((on): Right => ({ on, privileges: ['UPDATE', 'DELETE'] })),
  { on: 'outbox_event', privileges: ['INSERT'] },
  { on: 'integration_setting_change', privileges: ['INSERT'] },
  { on: 'integration_audit', privileges: ['INSERT'] },
];

/**
 * What the services of webhooks need of the same connections. Only an application that has these services
 * needs it, so it is named only where the server names the table.
 */
export const OF_WEBHOOK_ADMINS: readonly Right[] = [
  ...['webhook_inbound', 'webhook_destination', 'outgoing_target'].map(
    (on): Right => ({ on, privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] }),
  ),
  { on: 'webhook_subscription', privileges: ['SELECT', 'INSERT', 'DELETE'] },
  { on: 'webhook_delivery', privileges: ['SELECT', 'UPDATE'] },
  { on: 'webhook_message', privileges: ['SELECT'] },
  { on: 'webhook_attempt', privileges: ['SELECT'] },
];

/** The same for the service and the commands of calls. */
export const OF_CALL_ADMINS: readonly Right[] = [
  { on: 'external_call', privileges: ['SELECT', 'INSERT', 'UPDATE'] },
  { on: 'external_call_report', privileges: ['SELECT', 'INSERT', 'UPDATE'] },
];

/** The same for the service and the commands of sagas. */
export const OF_SAGA_ADMINS: readonly Right[] = [
  { on: 'saga_instance', privileges: ['SELECT', 'UPDATE'] },
  { on: 'saga_step', privileges: ['SELECT', 'INSERT'] },
  { on: 'saga_waiting', privileges: ['SELECT', 'DELETE'] },
];

/** The same for the services of connections. */
export const OF_CONNECTION_ADMINS: readonly Right[] = [
  { on: 'connection', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
  { on: 'connection_token', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
  { on: 'connection_webhook', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
  { on: 'outgoing_target', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
  { on: 'oauth_authorization', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
];

/** The same for the service and the commands of schedules. */
export const OF_SCHEDULE_ADMINS: readonly Right[] = [
  { on: 'integration_schedule', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
];
