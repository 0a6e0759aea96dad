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
export type { ConnectorHttp, FetchThroughConnection } from './http/connector-http.js';
export type { HttpLimit, LimitedThing, QuotaLimit, RateLimit } from './http/http-identity.js';
export { type QuotaOptions, quota, type RateOptions, rate } from './http/http-limits.js';
export type { AnswerBody, HttpAnswer, HttpRequestOptions } from './http/http-request.js';
export type { HttpPage, PagesOptions } from './http/pages.js';
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
export type { Authorization } from './tenants/tenant-authorizations.js';
export type {
  ConnectionDetails,
  ConnectionTokenView,
  ConnectionWithEndpoints,
  RevokedConnection,
  TenantConnections,
} from './tenants/tenant-connections.js';
export type { ConnectorWebhookEvent } from './tenants/webhook-delivery.js';
