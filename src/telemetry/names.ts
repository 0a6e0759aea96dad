/*
 * The names of attributes and metrics. Those that begin with `messaging.` and `error.` are of OpenTelemetry's
 * semantic conventions 1.45, in which the part about messaging is still in development. The others are ours.
 */

export const SYSTEM = 'nestjs_integration';

export const ATTRIBUTES = {
  system: 'messaging.system',
  operationName: 'messaging.operation.name',
  operationType: 'messaging.operation.type',
  /** The name of the event. */
  destination: 'messaging.destination.name',
  messageId: 'messaging.message.id',
  /** The correlation id of the event. */
  conversationId: 'messaging.message.conversation_id',
  /** The name of the consumer. */
  consumer: 'messaging.consumer.group.name',
  partition: 'messaging.destination.partition.id',
  batchCount: 'messaging.batch.message_count',
  errorType: 'error.type',
  attempt: 'nestjs_integration.attempt',
  /** The name of the engine, in an application with several. Absent for the one without a name. */
  integration: 'nestjs_integration.name',
  outcome: 'nestjs_integration.outcome',
  reason: 'nestjs_integration.reason',
  position: 'nestjs_integration.position',
  severity: 'nestjs_integration.severity',
} as const;

export const METRICS = {
  sent: 'messaging.client.sent.messages',
  publishDuration: 'messaging.client.operation.duration',
  consumed: 'messaging.client.consumed.messages',
  processDuration: 'messaging.process.duration',
  outcomes: 'nestjs_integration.consumer.outcomes',
  latency: 'nestjs_integration.event.latency',
  duplicates: 'nestjs_integration.duplicates_prevented',
  savesRefused: 'nestjs_integration.saves.refused',
  leaseChanges: 'nestjs_integration.lease.changes',
  wakeups: 'nestjs_integration.wakeups',
  pageEvents: 'nestjs_integration.page.events',
  saveEvents: 'nestjs_integration.save.events',
  handlersRunning: 'nestjs_integration.handlers.running',
  backlog: 'nestjs_integration.consumer.backlog',
  lag: 'nestjs_integration.consumer.lag',
  deadLetters: 'nestjs_integration.consumer.dead_letters',
  paused: 'nestjs_integration.consumer.paused',
  logPosition: 'nestjs_integration.log.position',
  oldestHole: 'nestjs_integration.log.oldest_hole',
  processes: 'nestjs_integration.processes',
  processesHandling: 'nestjs_integration.processes.handling',
  readingAge: 'nestjs_integration.reading.age',
  findings: 'nestjs_integration.doctor.findings',
} as const;
