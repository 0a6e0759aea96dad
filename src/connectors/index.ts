export type {
  Connection,
  ConnectionFilter,
  ConnectionHealth,
  ConnectionPage,
  ConnectionPageRequest,
  ConnectionPrincipal,
  ConnectionState,
} from './connections/connection.js';
export type { ConnectionEvent, ConnectionEventName } from './connections/connection-changes.js';
export { type ConnectorSettings, connectorSettings } from './connector-settings.js';
export { ConnectorsModule } from './connectors.module.js';
export type { ConnectorsModuleOptions } from './connectors-options.js';
export type { ResolvedCredentials } from './credentials/connection-identity.js';
export {
  Connector,
  ConnectorAction,
  ConnectorHealthCheck,
  ConnectorSync,
  ConnectorValidator,
  ConnectorWebhook,
} from './definition/connector.decorator.js';
export type {
  ConnectorActionOptions,
  ConnectorBranding,
  ConnectorCapability,
  ConnectorDirection,
  ConnectorHttpOptions,
  ConnectorOptions,
  ConnectorVariable,
  ConnectorView,
  ConnectorWebhookOptions,
  ConnectorWebhookSource,
  ConnectorWebhookType,
  ConnectorWebhookView,
  EndedWebhookSubscription,
  Problem,
  WebhookSubscription,
} from './definition/connector.js';
export {
  type ApiKeyOptions,
  apiKey,
  type BasicOptions,
  type BearerOptions,
  basic,
  bearer,
  type ClientAuthentication,
  type ClientCredentialsOptions,
  type ConnectorAuth,
  type CustomCredentials,
  type CustomOptions,
  clientCredentials,
  custom,
  type MtlsOptions,
  mtls,
  type OAuth2Options,
  type OidcOptions,
  oauth2,
  oidc,
  type SignedRequest,
  type TokenQuirks,
  type TokenSet,
} from './definition/connector-auth.js';
export { type ConnectorFilter, ConnectorRegistry } from './definition/connector-registry.js';
export { CONNECTOR_ERROR_CODES } from './definition/error-codes.js';
export {
  type Configured,
  type FromConfig,
  type FromSecret,
  fromConfig,
  fromSecret,
} from './definition/from-config.js';
export { defineMapping, type MappedField, type Mapping, type MappingOptions } from './definition/mapping.js';
export { type ConnectorModel, defineModel, type ModelOptions } from './definition/model.js';
export type { ConnectorSyncOptions, SyncKind, SyncPage, SyncSchedule } from './definition/sync.js';
export type { ConnectorHttp, FetchThroughConnection } from './http/connector-http.js';
export type { HttpLimit, LimitedThing, QuotaLimit, RateLimit } from './http/http-identity.js';
export { type QuotaOptions, quota, type RateOptions, rate } from './http/http-limits.js';
export type { AnswerBody, HttpAnswer, HttpRequestOptions } from './http/http-request.js';
export type { HttpPage, PagesOptions } from './http/pages.js';
export type {
  SyncedRecord,
  SyncPageRequest,
  SyncProblem,
  SyncRun,
  SyncRunError,
  SyncRunStatus,
  SyncStatus,
} from './syncs/stream.js';
export type { SyncContext } from './syncs/sync-context.js';
export type { SyncRecordEvent, SyncRunEvent } from './syncs/sync-events.js';
export { type SyncSettings, syncSettings } from './syncs/sync-settings.js';
export { SyncsService } from './syncs/syncs.service.js';
export type { SyncRows, TenantSyncs } from './syncs/tenant-syncs.js';
export {
  type TimestampCheckpoint,
  TimestampCursor,
  type TimestampCursorOptions,
} from './syncs/timestamp-cursor.js';
export type {
  ActionProgress,
  ConnectionClient,
  ConnectionContext,
} from './tenants/connection-context.js';
export type {
  AuthorizeConnection,
  CreateConnection,
  RotateConnectionSecret,
  UpdateConnection,
} from './tenants/connection-inputs.js';
export type { ConnectionTest, HealthAnswer } from './tenants/connection-test.js';
export type { ConnectionWebhookView, MadeEndpoint } from './tenants/connection-webhooks.js';
export { type CompleteAuthorization, ConnectionsService } from './tenants/connections.service.js';
export { ConnectorsService, type RunAction } from './tenants/connectors.service.js';
export { isEchoOf } from './tenants/echo.js';
export type { SyncFeed, ToldRecord } from './tenants/sync-hooks.js';
export type { Authorization } from './tenants/tenant-authorizations.js';
export type {
  ConnectionDetails,
  ConnectionTokenView,
  ConnectionWithEndpoints,
  RevokedConnection,
  TenantConnections,
} from './tenants/tenant-connections.js';
export type { ConnectorWebhookEvent } from './tenants/webhook-delivery.js';
