/**
 * The name of a table, view or function with its schema, as it stands in SQL text. The name of the schema
 * must have been checked.
 */
export function inSchema(schema: string, name: string): string {
  return `"${schema}".${name}`;
}

/** The tables of the engine, its view and its functions. */
const NAMES = {
  outboxEvent: 'outbox_event',
  outboxEventStatus: 'outbox_event_status',
  unroutedEvent: 'unrouted_event',
  inboxCursor: 'inbox_cursor',
  inboxEvent: 'inbox_event',
  inboxReplay: 'inbox_replay',
  integrationProcess: 'integration_process',
  integrationMaintenance: 'integration_maintenance',
  integrationSetting: 'integration_setting',
  integrationSettingChange: 'integration_setting_change',
  integrationLink: 'integration_link',
  integrationFailureGroup: 'integration_failure_group',
  integrationAudit: 'integration_audit',
  integrationOperation: 'integration_operation',
  integrationRehearsal: 'integration_rehearsal',
  integrationSample: 'integration_sample',
  integrationLease: 'integration_lease',
  integrationWork: 'integration_work',
  integrationHour: 'integration_hour',
  integrationStart: 'integration_start',
  integrationDataKey: 'integration_data_key',
  integrationSecret: 'integration_secret',
  integrationIdempotencyKey: 'integration_idempotency_key',
  outgoingTarget: 'outgoing_target',
  webhookReceipt: 'webhook_receipt',
  webhookBody: 'webhook_body',
  webhookInbound: 'webhook_inbound',
  webhookCount: 'webhook_count',
  webhookSource: 'webhook_source',
  webhookRefusal: 'webhook_refusal',
  webhookDestination: 'webhook_destination',
  webhookSubscription: 'webhook_subscription',
  webhookMessage: 'webhook_message',
  webhookDelivery: 'webhook_delivery',
  webhookAttempt: 'webhook_attempt',
  eventContract: 'event_contract',
  externalCall: 'external_call',
  externalCallReport: 'external_call_report',
  sagaInstance: 'saga_instance',
  sagaStep: 'saga_step',
  sagaWaiting: 'saga_waiting',
  integrationSchedule: 'integration_schedule',
  connectorDefinition: 'connector_definition',
  connection: 'connection',
  connectionToken: 'connection_token',
  connectionWebhook: 'connection_webhook',
  oauthAuthorization: 'oauth_authorization',
  connectorGate: 'connector_gate',
  syncStream: 'sync_stream',
  syncRun: 'sync_run',
  syncRecord: 'sync_record',
  syncProblem: 'sync_problem',
  /** A function that returns the partition of an aggregate. */
  integrationPartition: 'integration_partition',
  /** A procedure that publishes one event. */
  appendEvent: 'append_event',
  /** A procedure that takes one delivery of a webhook. */
  receiveWebhook: 'receive_webhook',
  /** Functions with the statements of a step of a saga. */
  sagaBegin: 'saga_begin',
  sagaCreate: 'saga_create',
  sagaSave: 'saga_save',
  /** Functions with the statements of a report of a call. */
  callBegin: 'call_begin',
  callWrite: 'call_write',
  /** A function that takes places of limits. */
  connectorGateTake: 'connector_gate_take',
} as const;

/** The name of each table with its schema. */
export type Tables = { readonly [K in keyof typeof NAMES]: string };

/** The names of all tables in one schema. A database has them as `EngineDatabase.tables`. */
export function tablesOf(schema: string): Tables {
  const names = Object.entries(NAMES).map(([key, name]) => [key, inSchema(schema, name)]);
  return Object.fromEntries(names) as Tables;
}
