import type { Operation } from '../../../changes/operations/operation.js';
import { unknownOperation } from '../../../changes/operations/operation-checks.js';
import type { DeadDeliveries } from '../operations/redrive-deliveries.js';
import type { PORTAL_OPERATION_KINDS } from './portal-answers.js';
import { isOfTenant } from './portal-author.js';

const KINDS: Readonly<Record<string, (typeof PORTAL_OPERATION_KINDS)[number]>> = {
  'webhooks.redrive': 'redrive',
  'webhooks.replay': 'replay',
};

/**
 * An operation as its tenant sees it. Those of other tenants and of admins are unknown here, also the ones
 * that admins have planned for this tenant, because they hold names and reasons of admins.
 *
 * @throws IntegrationError INTEGRATION_OPERATION_UNKNOWN
 */
export function operationOfTenant(
  operation: Operation,
  tenantId: string,
  /** Whether a plan counts events of this tenant only. */
  { countsOwnOnly }: { readonly countsOwnOnly: boolean },
) {
  const { id, state, changed, createdAt, startedAt, finishedAt, requestedBy } = operation;
  const kind = KINDS[operation.kind];
  const filter = operation.filter as unknown as DeadDeliveries;
  if (kind === undefined || filter.tenantId !== tenantId || !isOfTenant(requestedBy, tenantId))
    throw unknownOperation(id);
  const isCounted = kind === 'redrive' || countsOwnOnly;
  return {
    id,
    kind,
    destinationId: filter.destinationId,
    state,
    plannedEvents: isCounted ? operation.plannedEvents : null,
    plannedAtLeast: isCounted && operation.plannedAtLeast,
    changed,
    createdAt,
    startedAt,
    finishedAt,
  };
}
