import { Inject, Injectable } from '@nestjs/common';
import { ADMIN_CALL_OPTIONS, type AdminCallOptions } from '../../admin/options/admin-options.js';
import { hidingValues } from '../../admin/payload/hidden-values.js';
import type { Answering } from '../../admin/routes/answering.js';
import { type Call, route } from '../../admin/routes/route.js';
import { EventLookService } from '../../log/event-look.service.js';
import { choice, optional, position, text, uuid } from '../../rest/field.js';
import { limit, PAGE_SIZE, reason } from '../../rest/route.js';
import { invalidArgument } from '../../words/argument-checks.js';
import { pageOf } from '../../words/page-of.js';
import { DELIVERY_STATUSES, type WebhookDeliveryDetails } from '../outgoing/destinations/delivery.js';
import { DESTINATION_STATUSES } from '../outgoing/destinations/destination.js';
import {
  eventTypes,
  MAX_IN_FLIGHT,
  ORDER,
  RATE,
  SECRET,
  SIGNING,
  TEST_TYPE,
  TIMEOUT,
  URL_FIELD,
} from '../outgoing/destinations/destination-fields.js';
import {
  DestinationLookStore,
  type ListedDestination,
  stateOf,
} from '../outgoing/destinations/destination-look.store.js';
import { sentHowOf, signingSecretsOf } from '../outgoing/destinations/destination-views.js';
import { OutgoingEngine } from '../outgoing/outgoing-engine.js';
import { existingDestination } from '../outgoing/tenants/existing-destination.js';
import type { TenantDestinations } from '../outgoing/tenants/tenant-destinations.js';
import { WebhookDestinationsService } from '../outgoing/tenants/webhook-destinations.service.js';
import {
  CreatedWebhookDestination,
  WebhookDelivery,
  WebhookDeliveryPage,
  WebhookDestination,
  WebhookDestinationPage,
  WebhookEventTypes,
  WebhookTestAttempt,
} from './destination-answers.js';

const pathFields = { id: uuid('The id of the destination.') };
const placeFields = { ...pathFields, position: position('The position of the event in the log.') };
const target = ({ id }: { readonly id: string }) => ({ webhookDestination: id });

const HOW = {
  order: ORDER,
  ratePerSecond: optional(RATE),
  maxInFlight: optional(MAX_IN_FLIGHT),
  timeoutMs: optional(TIMEOUT),
};

const change = (path: string, about: string) =>
  route({
    method: 'POST',
    path: `webhooks/destinations/:id/${path}`,
    action: 'webhooks.change',
    about,
    pathFields,
    target,
    body: { reason },
    answer: WebhookDestination,
  });

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'webhooks/destinations',
    action: 'webhooks.read',
    about: 'Where tenants get their events, in the order in which they were created, and how each stands.',
    query: {
      limit,
      after: optional(uuid('The `next` of the page before. Leave it out for the first page.')),
      tenant: optional(text('The id of their tenant.', 127)),
      status: optional(choice('How they stand.', DESTINATION_STATUSES)),
    },
    answer: WebhookDestinationPage,
  }),
  eventTypes: route({
    method: 'GET',
    path: 'webhooks/event-types',
    action: 'webhooks.read',
    about: 'The types of events that destinations may ask for: those with a public contract.',
    answer: WebhookEventTypes,
  }),
  create: route({
    method: 'POST',
    path: 'webhooks/destinations',
    action: 'webhooks.change',
    about:
      'Adds a destination of a tenant. No answer of this API has a secret. So for v1 the caller makes the secret and gives it. For v1a a key is made, and the answer has its public half.',
    body: {
      tenant: text('The id of the tenant.', 127),
      url: URL_FIELD,
      eventTypes: eventTypes('What it asks for.'),
      signing: SIGNING,
      secret: SECRET,
      ...HOW,
      reason,
    },
    answer: CreatedWebhookDestination,
  }),
  one: route({
    method: 'GET',
    path: 'webhooks/destinations/:id',
    action: 'webhooks.read',
    about: 'One destination. Of its secrets it shows the versions and times, and of its headers the names.',
    pathFields,
    target,
    answer: WebhookDestination,
  }),
  update: route({
    method: 'PATCH',
    path: 'webhooks/destinations/:id',
    action: 'webhooks.change',
    about: 'Changes where and how a destination is sent to. What is left out stays as it is.',
    pathFields,
    target,
    body: {
      url: optional(URL_FIELD),
      eventTypes: optional(eventTypes('What it asks for.')),
      ...HOW,
      reason,
    },
    answer: WebhookDestination,
  }),
  pause: change(
    'pause',
    'Sends nothing more to it until it is resumed. What is published meanwhile is delivered then, as far as the log has it.',
  ),
  resume: change('resume', 'Ends a pause, and catches up with what was published meanwhile.'),
  enable: change(
    'enable',
    'Sends to a destination again that was disabled, and catches up with what was published meanwhile.',
  ),
  test: route({
    method: 'POST',
    path: 'webhooks/destinations/:id/test',
    action: 'webhooks.change',
    about:
      'Sends a signed request with the example of a contract at once, and answers what became of it. Nothing of it is stored but a note in the audit.',
    pathFields,
    target,
    body: {
      type: TEST_TYPE,
      reason,
    },
    answer: WebhookTestAttempt,
  }),
  remove: route({
    method: 'DELETE',
    path: 'webhooks/destinations/:id',
    action: 'webhooks.change',
    about: 'Removes a destination with its secrets, and cancels what waits.',
    pathFields,
    target,
    body: { reason },
    answer: WebhookDestination,
  }),
  deliveries: route({
    method: 'GET',
    path: 'webhooks/destinations/:id/deliveries',
    action: 'webhooks.read',
    about: 'What is and was delivered to a destination, the latest events first.',
    pathFields,
    target,
    query: {
      limit,
      after: optional(text('The `next` of the page before. Leave it out for the first page.', 60)),
      status: optional(choice('What has become of them.', DELIVERY_STATUSES)),
      type: optional(text('The type that receivers see.', 255)),
    },
    answer: WebhookDeliveryPage,
  }),
  delivery: route({
    method: 'GET',
    path: 'webhooks/destinations/:id/deliveries/:position',
    action: 'webhooks.read',
    about:
      'One delivery with its attempts. What is sent, and what was answered, needs the action payloads.read as well, and what the mask hides is left out.',
    pathFields: placeFields,
    target,
    answer: WebhookDelivery,
  }),
  redrive: route({
    method: 'POST',
    path: 'webhooks/destinations/:id/deliveries/:position/redrive',
    action: 'webhooks.change',
    about: 'Sends a delivery again that has ended. One that is pending already stays as it is.',
    pathFields: placeFields,
    target,
    body: { reason },
    answer: WebhookDelivery,
  }),
};

/** Destinations of tenants, and their deliveries. No answer has a secret. */
@Injectable()
export class WebhookDestinationsHandlers implements Answering<typeof ROUTES, WebhookDestinationsHandlers> {
  static readonly routes = ROUTES;

  constructor(
    private readonly engine: OutgoingEngine,
    private readonly destinations: WebhookDestinationsService,
    private readonly look: EventLookService,
    @Inject(ADMIN_CALL_OPTIONS) private readonly options: AdminCallOptions,
  ) {}

  async list({ query }: Call<typeof ROUTES.list>) {
    const { limit = PAGE_SIZE, after, tenant, status } = query;
    const found = await this.store.page({ tenant, status }, after, limit + 1);
    const { rows, next } = pageOf(found, limit, ({ id }) => id);
    return { items: rows.map((row) => ({ ...rowOf(row), ...stateOf(row) })), next };
  }

  async eventTypes() {
    return { items: this.engine.isOn ? await this.destinations.forTenant('').eventTypes() : [] };
  }

  async create({ body: { tenant, reason: _, ...given }, author }: Call<typeof ROUTES.create>) {
    const { signing = 'v1', secret } = given;
    if (signing === 'v1' && secret === undefined) throw secretMissing();
    const tenantDestinations = this.destinations.forTenant(tenant);
    const { destination, publicKey } = await tenantDestinations.create({ ...given, ...author });
    return { ...(await this.details(destination.id)), publicKey };
  }

  async one({ path: { id } }: Call<typeof ROUTES.one>) {
    return this.details(id);
  }

  async update({ path: { id }, body: { reason: _, ...given }, author }: Call<typeof ROUTES.update>) {
    await (await this.ofTenant(id)).update(id, { ...given, ...author });
    return this.details(id);
  }

  async pause({ path: { id }, author }: Call<typeof ROUTES.pause>) {
    await (await this.ofTenant(id)).pause(id, author);
    return this.details(id);
  }

  async resume({ path: { id }, author }: Call<typeof ROUTES.resume>) {
    await (await this.ofTenant(id)).resume(id, author);
    return this.details(id);
  }

  async enable({ path: { id }, author }: Call<typeof ROUTES.enable>) {
    await (await this.ofTenant(id)).enable(id, author);
    return this.details(id);
  }

  async test({ path: { id }, body: { type }, author }: Call<typeof ROUTES.test>) {
    return (await this.ofTenant(id)).sendTest(id, { type, ...author });
  }

  async remove({ path: { id }, author }: Call<typeof ROUTES.remove>) {
    const last = await this.details(id);
    await (await this.ofTenant(id)).remove(id, author);
    return last;
  }

  async deliveries({ path: { id }, query }: Call<typeof ROUTES.deliveries>) {
    const { limit = PAGE_SIZE, after, status, type } = query;
    const page = await (await this.ofTenant(id)).deliveries(
      { destinationId: id, status, type },
      { limit, after },
    );
    return { items: page.deliveries.map(({ id: _, ...delivery }) => delivery), next: page.next };
  }

  async delivery(call: Call<typeof ROUTES.delivery>) {
    const { id, position: at } = call.path;
    return this.shown(await (await this.ofTenant(id)).delivery(`${id}.${at}`), call);
  }

  async redrive(call: Call<typeof ROUTES.redrive>) {
    const { id, position: at } = call.path;
    const ofTenant = await this.ofTenant(id);
    await ofTenant.redrive(`${id}.${at}`, call.author);
    return this.shown(await ofTenant.delivery(`${id}.${at}`), call);
  }

  private get store(): DestinationLookStore {
    return new DestinationLookStore(this.engine.admin);
  }

  /** The destinations of the tenant that has this one. */
  private async ofTenant(id: string): Promise<TenantDestinations> {
    const { tenantId } = await existingDestination(this.engine.admin, id);
    return this.destinations.forTenant(tenantId);
  }

  private async details(id: string) {
    const row = await existingDestination(this.engine.admin, id);
    const details = await this.destinations.forTenant(row.tenantId).get(id);
    return {
      ...rowOf(row),
      ...stateOf(row),
      ...sentHowOf(details),
      secrets: signingSecretsOf(details),
    };
  }

  /**
   * What is sent is made of the payload, and an answer may repeat it. So both are for those who may read
   * payloads, without the values that the mask hides. Where the log has the event no longer, nobody knows
   * what the mask would hide.
   */
  private async shown(
    { id: _, data, attemptList, ...delivery }: WebhookDeliveryDetails,
    { may, request }: Pick<Call<typeof ROUTES.delivery>, 'may' | 'request'>,
  ) {
    const hide = await this.hiding(delivery.outboxEventId, may, request);
    const shown = (text: string | null) => (text === null || hide === undefined ? null : hide(text));
    return {
      ...delivery,
      mayReadPayloads: hide !== undefined,
      data: shown(data),
      attemptList: attemptList.map((attempt) => ({ ...attempt, answer: shown(attempt.answer) })),
    };
  }

  private async hiding(
    eventId: string | null,
    may: Call<typeof ROUTES.delivery>['may'],
    request: Call<typeof ROUTES.delivery>['request'],
  ): Promise<((text: string) => string) | undefined> {
    if (!(await may('payloads.read', eventId === null ? {} : { event: eventId }))) return undefined;
    const mask = this.options.mask?.bind(this.options);
    if (mask === undefined) return (text) => text;
    const event = eventId === null ? undefined : await this.look.withPayloadText(eventId);
    return event && hidingValues(event, mask, request);
  }
}

function rowOf(row: ListedDestination) {
  const { id, tenantId, url, eventTypes, status, reason: why, behindFrom, createdAt } = row;
  return { id, tenantId, url, eventTypes, status, reason: why, behindFrom, createdAt };
}

function secretMissing(): Error {
  return invalidArgument(
    'Give the secret with which deliveries are signed: no answer of this API has one that was made here. Or choose the signing v1a',
    { field: 'secret' },
  );
}
