export type { FaultPointName } from '../delivery/execution/fault-points.js';
export type { EventOutcome } from '../delivery/partition/outcome-stream.js';
export type { TestedApplication } from './application.js';
export { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.js';
export { type FailAtOptions, type Fault, failAt } from './fail-at.js';
export {
  type FakeCallAnswer,
  type FakeCalls,
  fakeCalls,
  type RunCallsOptions,
  runCalls,
} from './fake-calls.js';
export { type FakeConnectionOptions, fakeConnection } from './fake-connection.js';
export {
  FakeProvider,
  type FakeProviderOAuth,
  type FakeProviderOptions,
  type FakeProviderRequest,
  type FakeProviderTurn,
  type FakeSubscription,
  signedDelivery,
} from './fake-provider.js';
export {
  createIntegrationTestDatabase,
  type IntegrationTestDatabase,
  type IntegrationTestDatabaseOptions,
} from './integration-test-database.js';
export { type OutcomeOfOptions, outcomeOf, type StoredOutcome } from './outcome-of.js';
export {
  type PublishAndDrainOptions,
  type PublishedAndDrained,
  publishAndDrain,
} from './publish-and-drain.js';
export type { ReceiverBehaviour } from './receiver-behaviours.js';
export { type RunConnectionsOptions, runConnections } from './run-connections.js';
export { type RunScheduleOptions, runSchedule } from './run-schedule.js';
export { type RunSyncOptions, runSync } from './run-sync.js';
export { sagaOf, type TestedSaga } from './saga-of.js';
export { type SendDueOptions, sendDue } from './send-due.js';
export {
  type ClientReport,
  type ClientRule,
  type ClientRuleName,
  verifyClient,
} from './verify-client.js';
export {
  type ReceiverRequest,
  WebhookReceiver,
  type WebhookReceiverOptions,
  webhookReceiver,
} from './webhook-receiver.js';
