import { Injectable } from '@nestjs/common';
import type { Answering } from '../../admin/routes/answering.js';
import { type Call, route } from '../../admin/routes/route.js';
import { count, optional, text } from '../../rest/field.js';
import { limit, PAGE_SIZE } from '../../rest/route.js';
import { IncomingEngine } from '../incoming/incoming-engine.js';
import { IncomingWebhookService } from '../incoming/incoming-webhook.service.js';
import { refusal } from '../incoming/refusal.js';
import { RequestRecordStore } from '../incoming/request-record.store.js';
import { sourceReports } from '../incoming/source-report.js';
import { WebhookRefusals, WebhookSource, WebhookSources } from './answers.js';

const DEFAULT_DAYS = 14;
const days = optional(
  count(`The number of days to count, today among them. ${DEFAULT_DAYS} by default.`, 1, 400),
);

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'webhooks/sources',
    action: 'webhooks.read',
    about:
      'The sources of webhooks: what became of their requests, when the last one was accepted and refused, and since when all were refused.',
    query: { days },
    answer: WebhookSources,
  }),
  one: route({
    method: 'GET',
    path: 'webhooks/sources/:source',
    action: 'webhooks.read',
    about: 'One source of webhooks.',
    pathFields: { source: text('The key of the source.', 63) },
    query: { days },
    answer: WebhookSource,
  }),
  refusals: route({
    method: 'GET',
    path: 'webhooks/refusals',
    action: 'webhooks.read',
    about:
      'The last 50 refused requests of each source, the latest first, without their headers and bodies. Names that are not a source are together one source.',
    query: { source: optional(text('The key of a source. Without it: of all.', 63)), limit },
    answer: WebhookRefusals,
  }),
};

@Injectable()
export class WebhookSourcesHandlers implements Answering<typeof ROUTES, WebhookSourcesHandlers> {
  static readonly routes = ROUTES;

  constructor(
    private readonly engine: IncomingEngine,
    private readonly webhooks: IncomingWebhookService,
  ) {}

  async list({ query: { days = DEFAULT_DAYS } }: Call<typeof ROUTES.list>) {
    return { days, items: await this.reports(days) };
  }

  async one({ path, query: { days = DEFAULT_DAYS } }: Call<typeof ROUTES.one>) {
    const found = (await this.reports(days)).find(({ source }) => source === path.source);
    if (found !== undefined) return found;
    throw refusal('source', path.source, 'There is no webhook source of this name');
  }

  async refusals({ query: { source, limit = PAGE_SIZE } }: Call<typeof ROUTES.refusals>) {
    return { items: await this.store.refusals(source, limit) };
  }

  private get store(): RequestRecordStore {
    return new RequestRecordStore(this.engine.admin);
  }

  private async reports(days: number) {
    const { keys } = this.webhooks;
    const reports = await sourceReports(this.store, days, keys);
    return reports.map((each) => ({ ...each, known: keys.includes(each.source ?? '') }));
  }
}
