import { type DynamicModule, type FactoryProvider, Module, type Provider } from '@nestjs/common';
import { HttpAdapterHost, ModuleRef } from '@nestjs/core';
import { ContractRegistry } from '../contracts/contract-registry.js';
import { MountedRoutes } from '../http/mounted-routes.js';
import { CONNECTION_ENDPOINTS } from '../module/connection-endpoints.js';
import { BROUGHT_EXTENSION } from '../module/extension.js';
import { madeOptions } from '../module/made-options.js';
import { WebhookAnswers } from './incoming/http/webhook-answers.js';
import { RAW_BODIES, webhookController, webhookRoutes } from './incoming/http/webhook-routes.js';
import { IncomingEngine } from './incoming/incoming-engine.js';
import { IncomingWebhookService } from './incoming/incoming-webhook.service.js';
import { EndpointsOfConnections } from './incoming/tenants/connection-endpoints.js';
import { IncomingEndpointsService } from './incoming/tenants/incoming-endpoints.service.js';
import type { WebhookPortalMount } from './options/portal-options.js';
import {
  checkWebhooksAsyncOptions,
  checkWebhooksOptions,
  DEFAULT_PATH,
  resolveMadeOptions,
  WEBHOOKS_OPTIONS,
  type WebhooksModuleAsyncOptions,
  type WebhooksModuleOptions,
} from './options/webhooks-options.js';
import { OutgoingEngine } from './outgoing/outgoing-engine.js';
import { WebhookPortalModule } from './outgoing/portal/portal.module.js';
import { SENDER_CONTRACTS } from './outgoing/sender/sender-events.js';
import { WebhookDestinationsService } from './outgoing/tenants/webhook-destinations.service.js';
import { WebhookSender } from './outgoing/webhook-sender.js';
import { webhooksExtension } from './webhooks-extension.js';

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
    return mounted([{ provide: WEBHOOKS_OPTIONS, useValue: options }], options, options.outgoing?.portal);
  }

  /**
   * Does the same as `forRoot`, with sources from a factory or class, for secrets that a provider of the
   * application knows.
   *
   * ```ts
   * WebhooksModule.forRootAsync({
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({
   *     incoming: { sources: [githubSource({ secrets: config.getOrThrow('GITHUB_WEBHOOK_SECRET') })] },
   *   }),
   * })
   * ```
   *
   * @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`). What was
   * made is checked at boot.
   */
  static forRootAsync(options: WebhooksModuleAsyncOptions): DynamicModule {
    checkWebhooksAsyncOptions(options);
    const { path, decorate, imports = [], portal } = options;
    const made = madeOptions(WEBHOOKS_OPTIONS, options, (each) => resolveMadeOptions(each, options));
    const mount = mounted(made, { path, incoming: { sources: [], decorate } }, portal);
    return { ...mount, imports: [...(mount.imports ?? []), ...imports] };
  }
}

/** The contracts of the events about destinations. They are there before contracts are read at the boot. */
const OWN_CONTRACTS: FactoryProvider = {
  provide: Symbol('nestjs-integration:webhook-contracts'),
  inject: [WEBHOOKS_OPTIONS, { token: ContractRegistry, optional: true }],
  useFactory: ({ outgoing }: WebhooksModuleOptions, registry?: ContractRegistry) => {
    if (outgoing !== undefined) registry?.add(SENDER_CONTRACTS);
    return SENDER_CONTRACTS;
  },
};

/** Only an application that takes webhooks in has endpoints for connections. */
const OF_CONNECTIONS: Provider[] = [
  EndpointsOfConnections,
  { provide: CONNECTION_ENDPOINTS, useExisting: EndpointsOfConnections },
];

function mounted(
  options: Provider[],
  mount: WebhooksModuleOptions,
  portal: WebhookPortalMount | undefined,
): DynamicModule {
  return {
    module: WebhooksModule,
    global: true,
    imports: portal === undefined ? [] : [WebhookPortalModule.at(portal)],
    controllers: mount.incoming === undefined ? [] : [webhookController(mount)],
    providers: [
      ...options,
      {
        provide: MountedRoutes,
        inject: [ModuleRef, HttpAdapterHost],
        useFactory: (moduleRef: ModuleRef, host: HttpAdapterHost) =>
          webhookRoutes(moduleRef, host, { module: WebhooksModule, path: mount.path ?? DEFAULT_PATH }),
      },
      IncomingEngine,
      IncomingWebhookService,
      IncomingEndpointsService,
      WebhookAnswers,
      OutgoingEngine,
      OWN_CONTRACTS,
      WebhookSender,
      WebhookDestinationsService,
      ...(mount.incoming === undefined ? [] : [RAW_BODIES, ...OF_CONNECTIONS]),
    ],
    exports: [
      IncomingWebhookService,
      IncomingEndpointsService,
      IncomingEngine,
      OutgoingEngine,
      WebhookDestinationsService,
      WEBHOOKS_OPTIONS,
      ...(mount.incoming === undefined ? [] : [CONNECTION_ENDPOINTS]),
    ],
  };
}
