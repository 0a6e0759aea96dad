import { Inject, Injectable } from '@nestjs/common';
import { MountedRoutes } from '../../../http/mounted-routes.js';
import { invalidArgument } from '../../../words/argument-checks.js';
import { problemOfCharacters } from '../../../words/text.js';
import { WEBHOOKS_OPTIONS, type WebhooksModuleOptions } from '../../options/webhooks-options.js';
import { IncomingEngine } from '../incoming-engine.js';
import { IncomingWebhookService } from '../incoming-webhook.service.js';
import { addressOf } from './address-of.js';
import { TenantIncomingEndpoints } from './tenant-incoming-endpoints.js';

const LONGEST_TENANT = 127;

/**
 * Endpoints of incoming webhooks that belong to tenants: addresses with an id, and secrets that are sealed in
 * the database. They are for sources with `secrets: 'endpoint'`.
 *
 * ```ts
 * const { endpoint, secret } = await endpoints.forTenant('acme').create({ source: 'github', by: 'ann' });
 * // Give endpoint.url and secret to the sender.
 * ```
 */
@Injectable()
export class IncomingEndpointsService {
  constructor(
    private readonly engine: IncomingEngine,
    private readonly webhooks: IncomingWebhookService,
    private readonly routes: MountedRoutes,
    @Inject(WEBHOOKS_OPTIONS) private readonly options: WebhooksModuleOptions,
  ) {}

  /**
   * The endpoints of one tenant, and of no other.
   *
   * @param tenantId at most 127 characters; '' for an application without tenants
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID
   */
  forTenant(tenantId: string): TenantIncomingEndpoints {
    const isTenant =
      typeof tenantId === 'string' &&
      [...tenantId].length <= LONGEST_TENANT &&
      problemOfCharacters(tenantId) === undefined;
    if (!isTenant)
      throw invalidArgument(`tenantId must be a text of at most ${LONGEST_TENANT} characters`, {
        field: 'tenantId',
      });
    return new TenantIncomingEndpoints(tenantId, this.engine, this.webhooks, (row) =>
      addressOf(row, this.routes, this.options),
    );
  }
}
