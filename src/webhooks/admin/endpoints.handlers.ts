import { Injectable } from '@nestjs/common';
import type { Answering } from '../../admin/routes/answering.js';
import { type Call, route } from '../../admin/routes/route.js';
import { IntegrationError } from '../../errors.js';
import { choice, optional, text, uuid } from '../../rest/field.js';
import { limit, PAGE_SIZE, reason } from '../../rest/route.js';
import { pageOf } from '../../words/page-of.js';
import type { EndpointRow, IncomingEndpointDetails } from '../incoming/endpoints/incoming-endpoint.js';
import { IncomingEndpointStore } from '../incoming/endpoints/incoming-endpoint.store.js';
import { IncomingEngine } from '../incoming/incoming-engine.js';
import { IncomingEndpointsService } from '../incoming/tenants/incoming-endpoints.service.js';
import { WebhookEndpoint, WebhookEndpointPage } from './answers.js';

const pathFields = { id: uuid('The id of the endpoint.') };
const target = ({ id }: { readonly id: string }) => ({ webhookEndpoint: id });

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'webhooks/endpoints',
    action: 'webhooks.read',
    about: 'The endpoints of tenants, in the order in which they were created.',
    query: {
      limit,
      after: optional(uuid('The `next` of the page before. Leave it out for the first page.')),
      source: optional(text('The key of their source.', 63)),
      tenant: optional(text('The id of their tenant.', 127)),
      status: optional(choice('How they stand.', ['active', 'paused'])),
    },
    answer: WebhookEndpointPage,
  }),
  one: route({
    method: 'GET',
    path: 'webhooks/endpoints/:id',
    action: 'webhooks.read',
    about: 'One endpoint of a tenant, with its address. Of its secrets it shows the versions and times only.',
    pathFields,
    target,
    answer: WebhookEndpoint,
  }),
  pause: route({
    method: 'POST',
    path: 'webhooks/endpoints/:id/pause',
    action: 'webhooks.change',
    about:
      'From now on genuine deliveries to the endpoint are answered 503, so that their sender repeats them. Nothing is stored.',
    pathFields,
    target,
    body: { reason },
    answer: WebhookEndpoint,
  }),
  resume: route({
    method: 'POST',
    path: 'webhooks/endpoints/:id/resume',
    action: 'webhooks.change',
    about: 'Lets a paused endpoint take deliveries in again.',
    pathFields,
    target,
    body: { reason },
    answer: WebhookEndpoint,
  }),
};

/**
 * Endpoints of tenants. These routes show no secret and make none. The application creates endpoints and
 * rotates their secrets, because it has to hand the new secret to the sender.
 */
@Injectable()
export class WebhookEndpointsHandlers implements Answering<typeof ROUTES, WebhookEndpointsHandlers> {
  static readonly routes = ROUTES;

  constructor(
    private readonly engine: IncomingEngine,
    private readonly endpoints: IncomingEndpointsService,
  ) {}

  async list({ query }: Call<typeof ROUTES.list>) {
    const { limit = PAGE_SIZE, after, tenant, source, status } = query;
    const found = await this.store.page(tenant, { source, status }, after, limit + 1);
    const { rows, next } = pageOf(found, limit, ({ id }) => id);
    return { items: rows.map(rowOf), next };
  }

  async one({ path: { id } }: Call<typeof ROUTES.one>) {
    return detailsOf(await (await this.ofTenant(id)).get(id));
  }

  async pause({ path: { id }, author }: Call<typeof ROUTES.pause>) {
    const endpoints = await this.ofTenant(id);
    await endpoints.pause(id, author);
    return detailsOf(await endpoints.get(id));
  }

  async resume({ path: { id }, author }: Call<typeof ROUTES.resume>) {
    const endpoints = await this.ofTenant(id);
    await endpoints.resume(id, author);
    return detailsOf(await endpoints.get(id));
  }

  private get store(): IncomingEndpointStore {
    return new IncomingEndpointStore(this.engine.admin);
  }

  /** The endpoints of the tenant that has this one. */
  private async ofTenant(id: string) {
    const row = await this.store.ofId(id);
    if (row !== undefined) return this.endpoints.forTenant(row.tenantId);
    const message = `There is no incoming endpoint ${id}`;
    throw new IntegrationError('INTEGRATION_WEBHOOK_ENDPOINT_UNKNOWN', message, { endpointId: id });
  }
}

function rowOf({ id, tenantId, source, externalId, status, createdAt }: EndpointRow) {
  return { id, tenantId, source, externalId, status, createdAt };
}

function detailsOf(endpoint: IncomingEndpointDetails) {
  const { path, url, secrets } = endpoint;
  return {
    ...rowOf(endpoint),
    path,
    url,
    secrets: secrets.map(({ version, rotatedAt, validUntil }) => ({ version, rotatedAt, validUntil })),
  };
}
