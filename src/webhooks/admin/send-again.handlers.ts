import { Injectable } from '@nestjs/common';
import { Operation, OperationCount } from '../../admin/answers/operations.js';
import type { Answering } from '../../admin/routes/answering.js';
import { type Call, route } from '../../admin/routes/route.js';
import type { PlannedEvents } from '../../changes/operations/operation-plan.store.js';
import { count, optional, time, uuid } from '../../rest/field.js';
import { reason } from '../../rest/route.js';
import { eventTypes } from '../outgoing/destinations/destination-fields.js';
import { OutgoingEngine } from '../outgoing/outgoing-engine.js';
import { existingDestination } from '../outgoing/tenants/existing-destination.js';
import type { TenantDestinations } from '../outgoing/tenants/tenant-destinations.js';
import { WebhookDestinationsService } from '../outgoing/tenants/webhook-destinations.service.js';

const MOST = Number.MAX_SAFE_INTEGER;
const given = {
  action: 'webhooks.change',
  method: 'POST',
  pathFields: { id: uuid('The id of the destination.') },
  target: ({ id }: { readonly id: string }) => ({ webhookDestination: id }),
} as const;

const HOW_MANY = {
  maxEvents: optional(count('The largest number of events, the oldest first.', 1, MOST)),
};
const HOW = {
  ...HOW_MANY,
  rate: optional(count('The largest number of events a second.', 1, 100_000)),
  reason,
};
const PAST = {
  since: time('Written at this time or later.'),
  until: optional(time('Written before this time. By default now.')),
  types: optional(eventTypes('Only these types, in the place of those that the destination asks for.')),
};

const ROUTES = {
  countRedrive: route({
    ...given,
    path: 'webhooks/destinations/:id/redrive/count',
    about: 'Counts the dead deliveries of a destination that would be sent again, and keeps nothing.',
    body: HOW_MANY,
    answer: OperationCount,
    startsNothing: true,
  }),
  redrive: route({
    ...given,
    path: 'webhooks/destinations/:id/redrive',
    about:
      'Counts the dead deliveries of a destination, and keeps that as the plan of an operation, which `POST operations/{id}/run` starts. It sends nothing yet.',
    body: HOW,
    answer: Operation,
  }),
  countReplay: route({
    ...given,
    path: 'webhooks/destinations/:id/replay/count',
    about: 'Counts the events of a time that would be sent to a destination again, and keeps nothing.',
    body: { ...PAST, ...HOW_MANY },
    answer: OperationCount,
    startsNothing: true,
  }),
  replay: route({
    ...given,
    path: 'webhooks/destinations/:id/replay',
    about:
      'Counts the events of a time, also those that the destination has not got, and keeps that as the plan of an operation, which `POST operations/{id}/run` starts. It sends nothing yet.',
    body: { ...PAST, ...HOW },
    answer: Operation,
  }),
};

/** Sends many deliveries of a destination again, and past events, as operations. */
@Injectable()
export class WebhookSendAgainHandlers implements Answering<typeof ROUTES, WebhookSendAgainHandlers> {
  static readonly routes = ROUTES;

  constructor(
    private readonly engine: OutgoingEngine,
    private readonly destinations: WebhookDestinationsService,
  ) {}

  async countRedrive({ path: { id }, body }: Call<typeof ROUTES.countRedrive>) {
    return counted(await (await this.ofTenant(id)).countRedrive({ destinationId: id }, body));
  }

  async redrive({ path: { id }, body: { maxEvents, rate }, author }: Call<typeof ROUTES.redrive>) {
    return (await this.ofTenant(id)).planRedrive({ destinationId: id }, { maxEvents, rate, ...author });
  }

  async countReplay({ path: { id }, body: { maxEvents, ...past } }: Call<typeof ROUTES.countReplay>) {
    return counted(
      await (await this.ofTenant(id)).countReplay({ destinationId: id, ...past }, { maxEvents }),
    );
  }

  async replay({ path: { id }, body, author }: Call<typeof ROUTES.replay>) {
    const { maxEvents, rate, reason: _, ...past } = body;
    const plan = { destinationId: id, ...past };
    return (await this.ofTenant(id)).planReplay(plan, { maxEvents, rate, ...author });
  }

  /** The destinations of the tenant that has this one. */
  private async ofTenant(id: string): Promise<TenantDestinations> {
    const { tenantId } = await existingDestination(this.engine.admin, id);
    return this.destinations.forTenant(tenantId);
  }
}

function counted({ events, isAtLeast, parts, leftOut }: PlannedEvents) {
  return { plannedEvents: events, plannedAtLeast: isAtLeast, parts, leftOut: leftOut ?? null };
}
