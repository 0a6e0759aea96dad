import { Inject, Injectable } from '@nestjs/common';
import { isParameter, MountedRoutes } from '../../../http/mounted-routes.js';
import { invalidArgument } from '../../../words/argument-checks.js';
import { problemOfCharacters } from '../../../words/text.js';
import { WEBHOOKS_OPTIONS, type WebhooksModuleOptions } from '../../options/webhooks-options.js';
import { ENDPOINT_PATH } from '../http/webhook-routes.js';
import { IncomingEngine } from '../incoming-engine.js';
import { IncomingWebhookService } from '../incoming-webhook.service.js';
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

/**
 * The path at which an endpoint is called, and its URL if that is known. It is not where a parameter stands
 * before the routes, such as `:tenant` in a global prefix.
 */
function addressOf(
  { id, source }: { readonly id: string; readonly source: string },
  routes: MountedRoutes,
  { publicUrl }: WebhooksModuleOptions,
): { path: string; url: string | null } {
  const before = routes.segmentsOf({ method: 'POST', path: ENDPOINT_PATH }).slice(0, -2);
  const full = `/${[...before, source, id].join('/')}`;
  const isKnown = publicUrl !== undefined && !before.some(isParameter);
  return { path: full, url: isKnown ? publicUrl.replace(/\/+$/, '') + full : null };
}
