import { type DynamicModule, Module } from '@nestjs/common';
import { BROUGHT_EXTENSION } from '../module/extension.js';
import { IncomingEndpointsService } from './incoming/endpoints/incoming-endpoints.service.js';
import { RawBytes } from './incoming/http/raw-bytes.js';
import { WebhookAnswers } from './incoming/http/webhook-answers.js';
import { webhookController } from './incoming/http/webhook-controller.js';
import { IncomingEngine } from './incoming/incoming-engine.js';
import { IncomingWebhookService } from './incoming/incoming-webhook.service.js';
import { webhooksExtension } from './webhooks-extension.js';
import { checkWebhooksOptions, WEBHOOKS_OPTIONS, type WebhooksModuleOptions } from './webhooks-options.js';

/**
 * Webhooks. Import it once, beside `IntegrationModule`.
 *
 * ```ts
 * WebhooksModule.forRoot({
 *   incoming: { sources: [githubSource({ secrets: process.env.GITHUB_WEBHOOK_SECRET! })] },
 * })
 * ```
 *
 * `POST /webhooks/github` then verifies each delivery and publishes it as `webhook.github.<type>`.
 */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest knows modules as classes
export class WebhooksModule {
  static readonly [BROUGHT_EXTENSION] = webhooksExtension;

  /** @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`) */
  static forRoot(options: WebhooksModuleOptions = {}): DynamicModule {
    checkWebhooksOptions(options);
    return {
      module: WebhooksModule,
      global: true,
      controllers: options.incoming === undefined ? [] : [webhookController(options)],
      providers: [
        { provide: WEBHOOKS_OPTIONS, useValue: options },
        IncomingEngine,
        IncomingWebhookService,
        IncomingEndpointsService,
        WebhookAnswers,
        ...(options.incoming === undefined ? [] : [RawBytes]),
      ],
      exports: [IncomingWebhookService, IncomingEndpointsService, WEBHOOKS_OPTIONS],
    };
  }
}
