export type { NetworkRules } from '../http/network-rules.js';
export { WEBHOOK_ERROR_CODES } from './error-codes.js';
export { AcceptedWebhook, VerifiedWebhookRequest } from './incoming/accepted-webhook.js';
export {
  fieldOf,
  formOf,
  jsonOf,
  queryOf,
  type RawWebhookRequest,
  textOf,
} from './incoming/definitions/raw-request.js';
export type {
  SchemeWithSecrets,
  SignatureScheme,
  Verification,
} from './incoming/definitions/signature-scheme.js';
export type {
  CommonSourceOptions,
  HandshakeState,
  SourceSecrets,
  WebhookReply,
  WebhookSource,
  WebhookSourceOptions,
} from './incoming/definitions/webhook-source.js';
export type {
  CreateIncomingEndpoint,
  EndpointWithSecret,
  IncomingEndpoint,
  IncomingEndpointDetails,
  IncomingEndpointFilter,
  IncomingEndpointPage,
  IncomingEndpointPageRequest,
  IncomingEndpointStatus,
  RotateIncomingSecret,
} from './incoming/endpoints/incoming-endpoint.js';
export { VerifiedWebhook, WebhookEvent } from './incoming/http/verified-webhook.js';
export { IncomingWebhookService } from './incoming/incoming-webhook.service.js';
export type { Emit, OnceDelivery } from './incoming/once-delivery.js';
export type { WebhookPayloads } from './incoming/payload-schema.js';
export { type Ed25519SchemeOptions, ed25519Scheme } from './incoming/schemes/ed25519.scheme.js';
export { type HmacSchemeOptions, hmacScheme } from './incoming/schemes/hmac.scheme.js';
export { hubspotScheme } from './incoming/schemes/hubspot.scheme.js';
export { type JwksSchemeOptions, jwksScheme } from './incoming/schemes/jwks.scheme.js';
export type { KeySet } from './incoming/schemes/jwks-keys.js';
export type { HmacAlgorithm, SignatureEncoding, TimestampUnit } from './incoming/schemes/matching.js';
export { basicScheme, sharedSecretScheme } from './incoming/schemes/shared-secret.scheme.js';
export { type StandardSchemeOptions, standardScheme } from './incoming/schemes/standard.scheme.js';
export { stripeScheme } from './incoming/schemes/stripe.scheme.js';
export { twilioScheme } from './incoming/schemes/twilio.scheme.js';
export {
  basicSource,
  ed25519Source,
  hmacSource,
  jwksSource,
  type OwnSourceOptions,
  sharedSecretSource,
} from './incoming/sources/general.sources.js';
export { githubSource } from './incoming/sources/github.source.js';
export {
  graphHandshake,
  type Handshake,
  metaHandshake,
  slackHandshake,
  zoomHandshake,
} from './incoming/sources/handshakes.js';
export { webhookSource } from './incoming/sources/make-source.js';
export {
  hubspotSource,
  shopifySource,
  slackSource,
  standardSource,
  stripeSource,
  twilioSource,
} from './incoming/sources/provider.sources.js';
export {
  adyenSource,
  mailgunSource,
  paddleSource,
  pagerdutySource,
  sendgridSource,
  squareSource,
  twitchSource,
  workosSource,
} from './incoming/sources/sender.sources.js';
export { IncomingEndpointsService } from './incoming/tenants/incoming-endpoints.service.js';
export { TenantIncomingEndpoints } from './incoming/tenants/tenant-incoming-endpoints.js';
export type { WebhookMetadata } from './incoming/webhook-event.js';
export type {
  WebhookPortalCalls,
  WebhookPortalMount,
  WebhookPortalOptions,
  WebhookPortalRequest,
} from './options/portal-options.js';
export type {
  OutgoingWebhooksOptions,
  WebhooksMadeOptions,
  WebhooksModuleAsyncOptions,
  WebhooksModuleOptions,
} from './options/webhooks-options.js';
export type {
  WebhookAttempt,
  WebhookDelivery,
  WebhookDeliveryDetails,
  WebhookDeliveryFilter,
  WebhookDeliveryPage,
  WebhookDeliveryPageRequest,
  WebhookDeliveryStatus,
} from './outgoing/destinations/delivery.js';
export type {
  CreateDestination,
  DestinationFilter,
  DestinationFormat,
  DestinationOrder,
  DestinationPage,
  DestinationPageRequest,
  DestinationSigning,
  DestinationStatus,
  DestinationWithSecret,
  RotateDestinationSecret,
  TestDestination,
  UpdateDestination,
  WebhookDestination,
  WebhookDestinationDetails,
  WebhookEventType,
} from './outgoing/destinations/destination.js';
export { WebhookPortalModule } from './outgoing/portal/portal.module.js';
export {
  type PlanOptions,
  type PlanReplay,
  TenantDestinations,
} from './outgoing/tenants/tenant-destinations.js';
export { WebhookDestinationsService } from './outgoing/tenants/webhook-destinations.service.js';
export { WebhooksModule } from './webhooks.module.js';
