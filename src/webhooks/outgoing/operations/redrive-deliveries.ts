import { AuditStore } from '../../../audit/audit.store.js';
import { authorOf } from '../../../audit/change-author.js';
import type {
  KindOfOperation,
  OperationUnderWay,
  RequestOfKind,
} from '../../../changes/operations/operation-kind.js';
import type { EngineDatabase } from '../../../database/engine-database.js';
import type { EngineSession } from '../../../database/sql/engine-session.js';
import { OutgoingTargetStore } from '../../../lanes/outgoing-target.store.js';
import { checkNames, checkText, checkUuid, invalidArgument } from '../../../words/argument-checks.js';
import { wholeText } from '../../../words/number-text.js';
import { WebhookDeliveryStore } from '../destinations/delivery.store.js';
import { DestinationStore } from '../destinations/destination.store.js';

/** The dead deliveries of one destination. */
export interface DeadDeliveries {
  readonly tenantId: string;
  readonly destinationId: string;
}

declare module '../../../changes/operations/operation.js' {
  interface AddedOperationKinds {
    'webhooks.redrive': DeadDeliveries;
  }
}

/** A plan does not count further. */
const MOST_COUNTED = 100_000;

/** What operations that send deliveries say of them. */
export const DELIVERY_VERDICT: Pick<KindOfOperation<DeadDeliveries>, 'verdict' | 'words'> = {
  verdict: (db, { id, filter }) =>
    new WebhookDeliveryStore(db).verdict(filter as unknown as DeadDeliveries, id),
  words: {
    succeeded: 'delivered',
    all: 'All of them were delivered.',
    failed: ({ failedOtherwise }) =>
      failedOtherwise === 1
        ? 'One of them was not delivered: it is dead or cancelled.'
        : `${wholeText(failedOtherwise)} of them were not delivered: they are dead or cancelled.`,
  },
};

/**
 * Sends the dead deliveries of a destination again, as far as they have a body. Retention may delete some of
 * them meanwhile (`deleteOutdatedDeliveries` says why nothing breaks). What a portion has chosen and cannot
 * send is noted in the audit. What was gone before it was chosen is the rest of `plannedEvents`.
 */
export const redriveDeliveries: KindOfOperation<DeadDeliveries> = {
  name: 'webhooks.redrive',
  ...DELIVERY_VERDICT,
  check(request) {
    const { filter } = request;
    checkNames('a field of the filter', filter, ['tenantId', 'destinationId']);
    checkDestination(filter);
    refuseStops(request);
  },
  async plan(db, { filter, maxEvents }) {
    const most = Math.min(maxEvents ?? MOST_COUNTED, MOST_COUNTED);
    const events = await new WebhookDeliveryStore(db).countDead(filter, most);
    return { events, isAtLeast: events === MOST_COUNTED, parts: [] };
  },
  // The rows are locked in the order of every writer: the destination, its target, and then deliveries.
  async choose({ db, session }, operation, most, after) {
    const { filter } = operation;
    const { tenantId, destinationId } = filter;
    const deliveries = new WebhookDeliveryStore(db);
    const targets = new OutgoingTargetStore(db);
    const destination = await new DestinationStore(db).lock(session, tenantId, destinationId);
    if (destination === undefined) return { last: undefined, change: async () => 0 };
    await targets.lock(session, 'webhook', [destinationId]);
    const dead = await deliveries.dead(session, filter, after?.position ?? 0, most);
    const last = dead.at(-1);
    return {
      last: last === undefined || dead.length < most ? undefined : { position: last, id: destinationId },
      async change(within) {
        const changed = await deliveries.redrive(within, filter, dead, operation.id);
        await targets.makeReady(within, 'webhook', [destinationId]);
        if (changed < dead.length) await noteGone(db, within, operation, dead.length - changed);
        return changed;
      },
    };
  },
};

/**
 * A delivery is dead when its schedule of retries is over, which takes hours: too late to stop for it.
 *
 * @throws IntegrationError INTEGRATION_ADMIN_INVALID
 */
export function refuseStops(request: Pick<RequestOfKind<unknown>, 'stopAfter' | 'stopAbovePercent'>): void {
  for (const field of ['stopAfter', 'stopAbovePercent'] as const)
    if (request[field] !== undefined)
      throw invalidArgument(`${field} is not for deliveries of webhooks, which are tried for hours`, {
        field,
      });
}

async function noteGone(
  db: EngineDatabase,
  session: EngineSession,
  { id, actor, filter }: OperationUnderWay<DeadDeliveries>,
  affected: number,
): Promise<void> {
  const reason = 'These dead deliveries were deleted meanwhile, or have no body, so they are not sent again';
  await new AuditStore(db).add(session, authorOf({ by: actor, reason }), {
    action: 'webhook-deliveries.gone',
    target: `webhook-destination/${filter.destinationId}`,
    affected,
    after: { operation: id },
  });
}

/** @throws IntegrationError INTEGRATION_ADMIN_INVALID */
export function checkDestination({ tenantId, destinationId }: DeadDeliveries): void {
  if (tenantId === undefined || destinationId === undefined)
    throw invalidArgument('The filter needs tenantId and destinationId', { field: 'filter' });
  checkText('filter.tenantId', tenantId);
  checkUuid('filter.destinationId', destinationId);
}
