import { AuditStore } from '../../../audit/audit.store.js';
import { AUTHOR_FIELDS, authorOf, type ChangeAuthor } from '../../../audit/change-author.js';
import { OutgoingTargetStore } from '../../../lanes/outgoing-target.store.js';
import {
  checkChoice,
  checkNames,
  checkText,
  invalidArgument,
  pageSizeOf,
} from '../../../words/argument-checks.js';
import { pageOf } from '../../../words/page-of.js';
import { isUuid } from '../../../words/text.js';
import {
  DELIVERY_STATUSES,
  type DeliveryPlace,
  deliveryId,
  deliveryPlaceOf,
  type WebhookDelivery,
  type WebhookDeliveryDetails,
  type WebhookDeliveryFilter,
  type WebhookDeliveryPage,
  type WebhookDeliveryPageRequest,
} from '../destinations/delivery.js';
import { WebhookDeliveryStore } from '../destinations/delivery.store.js';
import { DestinationStore } from '../destinations/destination.store.js';
import type { OutgoingEngine } from '../outgoing-engine.js';
import { unknownDestination } from './unknown-destination.js';

/** The deliveries of one tenant. */
export class TenantDeliveries {
  constructor(
    private readonly tenantId: string,
    private readonly engine: Pick<OutgoingEngine, 'admin'>,
    /** Rejects for a destination that the tenant does not have. */
    private readonly destination: (id: string) => Promise<unknown>,
  ) {}

  async page(
    filter: WebhookDeliveryFilter = {},
    page: WebhookDeliveryPageRequest = {},
  ): Promise<WebhookDeliveryPage> {
    checkNames('a field of a filter', filter, ['destinationId', 'status', 'type']);
    checkNames('an option of a page', page, ['limit', 'after']);
    if (filter.status !== undefined) checkChoice('status', filter.status, DELIVERY_STATUSES);
    checkText('type', filter.type);
    if (filter.destinationId !== undefined) await this.destination(filter.destinationId);
    const after = page.after === undefined ? undefined : deliveryPlaceOf(page.after);
    if (page.after !== undefined && after === undefined)
      throw invalidArgument('after must be the next of a page before', { field: 'after' });
    const limit = pageSizeOf(page.limit);
    const found = await this.store.page(this.tenantId, filter, after, limit + 1);
    const { rows: deliveries, next } = pageOf(found, limit, ({ id }) => id);
    return { deliveries, next };
  }

  async get(id: string): Promise<WebhookDeliveryDetails> {
    const place = placeOf(id);
    const found = await this.store.find(this.tenantId, place);
    if (found === undefined) throw unknownDestination(id);
    return { ...found, attemptList: await this.store.attempts(this.tenantId, place) };
  }

  /**
   * The destination is locked first, then its target, and then the delivery, as every writer does. So a save
   * of the lane that is under way comes before it or after it.
   */
  async redrive(id: string, author: ChangeAuthor = {}): Promise<WebhookDelivery> {
    checkNames('an option of redrive', author, AUTHOR_FIELDS);
    const by = authorOf(author);
    const place = placeOf(id);
    const { admin } = this.engine;
    await admin.transaction(async (session) => {
      const destination = await new DestinationStore(admin).lock(session, this.tenantId, place.destinationId);
      if (destination === undefined) throw unknownDestination(id);
      await new OutgoingTargetStore(admin).makeReady(session, 'webhook', [destination.id]);
      const row = await this.store.lock(session, this.tenantId, place);
      if (row === undefined) throw unknownDestination(id);
      if (row.status === 'pending') return;
      if (!row.hasBody) throw withoutBody(place);
      const chosen = { tenantId: this.tenantId, destinationId: destination.id };
      await this.store.redrive(session, chosen, [place.position], null);
      await new AuditStore(admin).add(session, by, {
        action: 'webhook-deliveries.redrive',
        target: `webhook-delivery/${deliveryId(place)}`,
        affected: 1,
        before: { status: row.status },
      });
    });
    return this.get(id);
  }

  private get store(): WebhookDeliveryStore {
    return new WebhookDeliveryStore(this.engine.admin);
  }
}

function placeOf(id: unknown): DeliveryPlace {
  const place = deliveryPlaceOf(id);
  if (place === undefined || !isUuid(place.destinationId)) throw unknownDestination(id);
  return place;
}

function withoutBody(place: DeliveryPlace): Error {
  return invalidArgument(
    `Delivery ${deliveryId(place)} has no body, because it could not be made: mend the contract, and plan a replay of its time`,
    { field: 'id' },
  );
}
