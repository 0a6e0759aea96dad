import type { INestApplication } from '@nestjs/common';
import { IntegrationDeveloperApiService } from 'nestjs-integration';
import type { OpsEvent } from './application-protocol.js';

/** Each event in a transaction of its own. */
export async function publishEvents(app: INestApplication, events: readonly OpsEvent[]): Promise<string[]> {
  const api = app.get(IntegrationDeveloperApiService);
  const ids: string[] = [];
  for (const { eventName, aggregate, toDo } of events) {
    const event = {
      eventName,
      sourceModule: 'proof',
      aggregateType: 'thing',
      aggregateId: aggregate,
      payload: { ...toDo },
    };
    const { outboxEventId } = await api.transaction((transaction) =>
      api.publishEvent(event, { persistenceClient: transaction }),
    );
    ids.push(outboxEventId);
  }
  return ids;
}
