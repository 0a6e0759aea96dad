import { Injectable } from '@nestjs/common';
import {
  bearer,
  type ConnectionContext,
  Connector,
  ConnectorWebhook,
  type ConnectorWebhookEvent,
  type EndedWebhookSubscription,
  type WebhookSubscription,
} from 'nestjs-integration/connectors';
import { standardSource } from 'nestjs-integration/webhooks';
import { z } from 'zod';

type Hooks = { items: { id: string; url: string }[] };
type Job = { data: { id: string; pages: number } };

/** A partner that prints, and calls back when a job is done. */
@Injectable()
@Connector({
  key: 'printing',
  name: 'Printing partner',
  category: 'print',
  auth: bearer({ secret: 'token' }),
  secrets: z.object({ token: z.string() }),
  http: { baseUrl: () => process.env.PRINTING_URL ?? 'https://api.printing.example' },
})
export class PrintingConnector {
  @ConnectorWebhook<ConnectionContext>({
    source: standardSource({ key: 'printing', secrets: 'endpoint' }),
    types: { 'job.done': { label: 'A job is done' } },
    async subscribe({ http }, { url, secret, types, isRepeated }: WebhookSubscription) {
      if (isRepeated) {
        const { items } = await http.get<Hooks>('/webhooks');
        const there = items.find((each) => each.url === url);
        if (there !== undefined) return { id: there.id };
      }
      return http.post('/webhooks', { json: { url, secret, types } });
    },
    async unsubscribe({ http }, { url }: EndedWebhookSubscription) {
      const { items } = await http.get<Hooks>('/webhooks');
      for (const each of items) if (each.url === url) await http.delete(`/webhooks/${each.id}`);
    },
  })
  async onJob({ body }: ConnectorWebhookEvent<Job>, { publish }: ConnectionContext) {
    await publish({
      eventName: 'print.done',
      sourceModule: 'printing',
      aggregateType: 'print-job',
      aggregateId: body.data.id,
      payload: { pages: body.data.pages },
    });
  }
}
