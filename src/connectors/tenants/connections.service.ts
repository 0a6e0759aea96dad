import { Injectable } from '@nestjs/common';
import { AUTHOR_FIELDS, type ChangeAuthor } from '../../audit/change-author.js';
import { checkNames, invalidArgument } from '../../words/argument-checks.js';
import { problemOfCharacters } from '../../words/text.js';
import type { Connection } from '../connections/connection.js';
import { TenantAuthorizations } from './tenant-authorizations.js';
import { TenantConnections } from './tenant-connections.js';
import { TenantPartsProvider } from './tenant-parts-provider.js';

const LONGEST_TENANT = 127;

export interface CompleteAuthorization extends ChangeAuthor {
  /** The tenant of the session with which the person came back; '' for an application without tenants. */
  tenantId: string;
}

/**
 * Connections of tenants to other people's APIs.
 *
 * ```ts
 * const acme = connections.forTenant('acme');
 * const { id } = await acme.create({ connector: 'hris', name: 'HR', config: { region: 'eu' } });
 * const { url } = await acme.authorize(id, { redirectUrl: 'https://app.example/callback' });
 * // Send the person there. In the handler of the callback:
 * await connections.completeAuthorization(request.url, { tenantId: session.tenantId });
 * await acme.enable(id);
 * ```
 */
@Injectable()
export class ConnectionsService {
  constructor(private readonly provider: TenantPartsProvider) {}

  /**
   * The connections of one tenant, and of no other.
   *
   * @param tenantId at most 127 characters; '' for an application without tenants
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID
   */
  forTenant(tenantId: string): TenantConnections {
    checkTenant(tenantId);
    return new TenantConnections(tenantId, this.provider.parts);
  }

  /**
   * Takes what a person has brought back from the provider. The tenant is that of the session with which the
   * person came back: an authorization that another tenant has begun is refused, because somebody may have
   * sent the person a link of their own.
   *
   * @param callbackUrl the whole URL to which the provider has sent the person
   * @throws IntegrationError INTEGRATION_AUTHORIZATION_STATE for an authorization that is over, was used,
   * belongs to another tenant, or came back elsewhere; INTEGRATION_AUTHORIZATION_FAILED if the person or the
   * provider has refused
   */
  completeAuthorization(callbackUrl: string, given: CompleteAuthorization): Promise<Connection> {
    checkNames('an option of completeAuthorization', given, ['tenantId', ...AUTHOR_FIELDS]);
    const { tenantId, ...author } = given;
    checkTenant(tenantId);
    return new TenantAuthorizations(tenantId, this.provider.parts).complete(callbackUrl, author);
  }
}

export function checkTenant(tenantId: unknown): asserts tenantId is string {
  const isRight =
    typeof tenantId === 'string' &&
    [...tenantId].length <= LONGEST_TENANT &&
    problemOfCharacters(tenantId) === undefined;
  if (isRight) return;
  throw invalidArgument(`tenantId must be a text of at most ${LONGEST_TENANT} characters`, {
    field: 'tenantId',
  });
}
