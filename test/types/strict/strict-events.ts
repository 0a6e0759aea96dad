// Compiled by test/house/types.spec.ts, never run: what the compiler refuses in addition where a host says `strictEvents`.
import {
  type AggregatePublisher,
  type EventName,
  type EventSubscriberRegistry,
  type IntegrationDeveloperApiService,
  type IntegrationEvents,
  IntegrationSubscriber,
} from 'nestjs-integration';

declare module 'nestjs-integration' {
  interface IntegrationEvents {
    'invoice.created': { total: number };
    'invoice.paid': { left: number };
    'audit.archived': { note?: string };
    [name: `feed.entry.${string}`]: { entry: number };
  }
  interface IntegrationTypes {
    strictEvents: true;
  }
}

declare const api: IntegrationDeveloperApiService;
declare const registry: EventSubscriberRegistry;
declare const invoices: AggregatePublisher;

const from = { sourceModule: 'finance', aggregateType: 'invoice', aggregateId: '1' };

export function accepted(dynamic: string): void {
  void api.publishEvent({ ...from, eventName: 'invoice.created', payload: { total: 1 } });
  void api.publishEvent('invoice.paid', 'finance', 'invoice', '1', { left: 0 });
  void api.publishEvent('audit.archived', 'finance', 'invoice', '1');
  void api.publishEvent('feed.entry.added', 'feed', 'entry', '1', { entry: 1 });
  // Another module's names are its own business, and a name that is made at run time cannot be checked.
  void api.publishEvent({ ...from, eventName: 'shipment.sent', payload: { anything: true } });
  void api.publishEvent({ ...from, eventName: dynamic });
  void api.publishEvents([
    { ...from, eventName: 'invoice.created', payload: { total: 1 } },
    { ...from, eventName: 'shipment.sent' },
  ]);
  void invoices.publish('invoice.created', '1', { total: 1 });
  for (const eventName of ['*', 'invoice.*', 'invoice.p*', 'shipment.*'] as const)
    api.subscribe({ eventName, consumerName: 'a', handler: () => {} });
  api.subscribe({
    eventName: ['invoice.created', 'invoice.paid'],
    consumerName: 'b',
    handler: (event) => {
      if (event.eventName === 'invoice.paid') event.payload.left satisfies number;
    },
  });
}

export function refused(): void {
  // @ts-expect-error misspelt
  void api.publishEvent({ ...from, eventName: 'invoice.craeted', payload: { total: 1 } });
  // @ts-expect-error misspelt
  void api.publishEvent('invoice.craeted', 'finance', 'invoice', '1', { total: 1 });
  // @ts-expect-error misspelt
  void api.publishEvent('invoice.craeted', 'finance', 'invoice', '1');
  // @ts-expect-error nobody declared it
  void api.publishEvent({ ...from, eventName: 'invoice.voided' });
  void api.publishEvents([
    { ...from, eventName: 'invoice.created', payload: { total: 1 } },
    // @ts-expect-error misspelt
    { ...from, eventName: 'invoice.piad', payload: { left: 1 } },
  ]);
  // @ts-expect-error misspelt
  void invoices.publish('invoice.craeted', '1', { total: 1 });
  // @ts-expect-error misspelt
  void invoices.publishMany([{ eventName: 'invoice.craeted', aggregateId: '1' }]);
  // @ts-expect-error misspelt
  api.subscribe({ eventName: 'invoice.craeted', consumerName: 'c', handler: () => {} });
  // @ts-expect-error misspelt
  api.subscribe({ eventName: ['invoice.created', 'invoice.piad'], consumerName: 'd', handler: () => {} });
  // @ts-expect-error no declared name begins like this
  registry.registerHandler({ eventName: 'invoice.x*', consumerName: 'e', handler: () => {} });
}

export class Decorated {
  @IntegrationSubscriber('invoice.created', { consumerName: 'f' })
  onCreated(): void {}

  // @ts-expect-error misspelt
  @IntegrationSubscriber('invoice.craeted', { consumerName: 'g' })
  onMisspelt(): void {}

  // @ts-expect-error misspelt
  @IntegrationSubscriber({ eventName: 'invoice.craeted', consumerName: 'h' })
  onMisspeltOption(): void {}
}

/** A host's own helper for its declared events. */
export function publishDeclared<N extends Extract<keyof IntegrationEvents, string>>(
  eventName: N,
  payload: IntegrationEvents[N],
): EventName {
  void payload;
  return eventName;
}
