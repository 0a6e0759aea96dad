export {
  type AcceptedWebhook,
  type Emit,
  IncomingWebhookService,
  type OnceDelivery,
  type VerifiedWebhookRequest,
} from './incoming/incoming-webhook.service.js';
export { fieldOf, formOf, jsonOf, queryOf, type RawWebhookRequest, textOf } from './incoming/raw-request.js';
export { type HmacSchemeOptions, hmacScheme } from './incoming/schemes/hmac.scheme.js';
export type { SignatureScheme, Verification } from './incoming/signature-scheme.js';
export { githubSource } from './incoming/sources/github.source.js';
export { webhookSource } from './incoming/sources/make-source.js';
export type { WebhookMetadata } from './incoming/webhook-event.js';
export type {
  CommonSourceOptions,
  SourceSecrets,
  WebhookReply,
  WebhookSource,
  WebhookSourceOptions,
} from './incoming/webhook-source.js';
export { WebhooksModule } from './webhooks.module.js';
export type { WebhooksModuleOptions } from './webhooks-options.js';
