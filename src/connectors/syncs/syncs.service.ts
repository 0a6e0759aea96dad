import { Injectable } from '@nestjs/common';
import { checkTenant } from '../tenants/connections.service.js';
import type { TenantSyncs } from './tenant-syncs.js';

/** Gives the service what it works with, when the application has booted. */
export abstract class SyncsProvider {
  abstract of(tenantId: string): TenantSyncs;
}

/**
 * Records of other systems that are kept in step.
 *
 * ```ts
 * await syncs.forTenant('acme').start(connectionId, 'employees');
 * ```
 */
@Injectable()
export class SyncsService {
  constructor(private readonly provider: SyncsProvider) {}

  /**
   * The syncs of one tenant, and of no other.
   *
   * @param tenantId at most 127 characters; '' for an application without tenants
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID
   */
  forTenant(tenantId: string): TenantSyncs {
    checkTenant(tenantId);
    return this.provider.of(tenantId);
  }
}
