import { Injectable } from '@nestjs/common';
import { invalidArgument } from '../../../words/argument-checks.js';
import { OutgoingEngine } from '../outgoing-engine.js';
import { isTenantId, LONGEST_TENANT } from '../public/tenant-id.js';
import { TenantDestinations } from './tenant-destinations.js';

/**
 * Destinations of outgoing webhooks: where tenants want their events, and what became of each delivery.
 *
 * ```ts
 * const { destination, secret } = await destinations.forTenant('acme').create({
 *   url: 'https://acme.example/hooks',
 *   eventTypes: ['invoice.*'],
 *   by: 'ann',
 * });
 * // Show the secret to the tenant this once.
 * ```
 */
@Injectable()
export class WebhookDestinationsService {
  constructor(private readonly engine: OutgoingEngine) {}

  /**
   * The destinations of one tenant, and of no other.
   *
   * @param tenantId at most 127 characters; '' for an application without tenants
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID; INTEGRATION_OPTIONS_INVALID without the option
   * `outgoing`
   */
  forTenant(tenantId: string): TenantDestinations {
    this.engine.requireOn();
    if (!isTenantId(tenantId))
      throw invalidArgument(`tenantId must be a text of at most ${LONGEST_TENANT} characters`, {
        field: 'tenantId',
      });
    return new TenantDestinations(tenantId, this.engine);
  }
}
