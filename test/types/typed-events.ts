// Compiled by the type check, never run: what the compiler accepts and refuses once a host has declared its events.
import {
  type BatchSubscriberDefinition,
  type DomainEvent,
  type EventSubscriberRegistry,
  type IntegrationDeveloperApiService,
  IntegrationSubscriber,
  type SubscriberContext,
  type SubscriberDefinition,
} from 'nestjs-integration';

interface Opened {
  accountId: string;
  limit: number;
}

interface Closed {
  accountId: string;
  reason: string;
}

declare module 'nestjs-integration' {
  interface IntegrationEvents {
    'typed.account.opened': Opened;
    'typed.account.closed': Closed;
    [name: `typed.feed.${string}`]: { entry: number };
  }
}

declare const api: IntegrationDeveloperApiService;
declare const registry: EventSubscriberRegistry;

const from = { sourceModule: 'accounts', aggregateType: 'account', aggregateId: '1' };

export function publishing(): void {
  void api.publishEvent({
    ...from,
    eventName: 'typed.account.opened',
    payload: { accountId: '1', limit: 5 },
  });
  void api.publishEvent('typed.account.opened', 'accounts', 'account', '1', { accountId: '1', limit: 5 });
  void api.publishEvent({ ...from, eventName: 'nobody.declared.this', payload: { anything: true } });
  void api.publishEvents([
    { ...from, eventName: 'typed.account.opened', payload: { accountId: '1', limit: 5 } },
    { ...from, eventName: 'typed.account.closed', payload: { accountId: '1', reason: 'moved' } },
  ]);

  void api.publishEvent({
    ...from,
    eventName: 'typed.account.opened',
    // @ts-expect-error the limit is a number
    payload: { accountId: '1', limit: '5' },
  });
  // @ts-expect-error the limit is missing
  void api.publishEvent('typed.account.opened', 'accounts', 'account', '1', { accountId: '1' });
  void api.publishEvents([
    { ...from, eventName: 'typed.account.opened', payload: { accountId: '1', limit: 5 } },
    // @ts-expect-error the payload of another event
    { ...from, eventName: 'typed.account.closed', payload: { accountId: '1', limit: 5 } },
  ]);
}

export function subscribing(): void {
  api.subscribe({
    eventName: 'typed.account.opened',
    consumerName: 'a',
    handler: async (event, context) => {
      const limit: number = event.payload.limit;
      const name: 'typed.account.opened' = event.eventName;
      const attempt: number = context.attempt;
      // @ts-expect-error the payload has no such field
      event.payload.reason;
      void [limit, name, attempt];
    },
  });

  api.subscribe({
    eventName: ['typed.account.opened', 'typed.account.closed'],
    consumerName: 'b',
    handler: async (event) => {
      const accountId: string = event.payload.accountId;
      if (event.eventName === 'typed.account.closed') void (event.payload.reason satisfies string);
      // @ts-expect-error only one of the two has it
      void [event.payload.reason, accountId];
    },
  });

  registry.registerHandler({
    eventName: 'typed.account.closed',
    consumerName: 'c',
    batch: { maxSize: 10 },
    handler: async (events) => {
      const reasons: string[] = events.map((event) => event.payload.reason);
      void reasons;
    },
  });

  registry.registerHandler({
    eventName: 'typed.feed.*',
    consumerName: 'd',
    handler: async (event) => {
      const entry: number = event.payload.entry;
      const name: string = event.eventName;
      void [entry, name];
    },
  });

  api.subscribeMany([
    {
      eventName: 'typed.account.opened',
      consumerName: 'e',
      handler: async (event) => void event.payload.limit.toFixed(),
    },
    {
      eventName: 'typed.account.closed',
      consumerName: 'f',
      handler: async (event) => void event.payload.reason,
    },
  ]);
  api.subscribeMany([
    {
      eventName: 'typed.account.opened',
      consumerName: 'e',
      // @ts-expect-error the payload has no such field
      handler: async (event) => void event.payload.reason,
    },
  ]);
  api.subscribeMany([
    {
      eventName: ['typed.account.opened', 'nobody.declared.this'],
      consumerName: 'e',
      handler: async (event: DomainEvent<Opened>) => void event.payload.limit.toFixed(),
    },
    {
      eventName: 'typed.account.closed',
      consumerName: 'f',
      batch: { maxSize: 10 },
      handler: async (events: DomainEvent<Closed>[]) => void events[0]?.payload.reason.length,
    },
  ]);
}

export function subscribingToWhatNobodyDeclared(): void {
  api.subscribe({
    eventName: 'nobody.declared.this',
    consumerName: 'g',
    handler: async (event) => {
      // @ts-expect-error the payload is unknown
      event.payload.anything;
    },
  });
  // A handler may say which payload it expects.
  api.subscribe({
    eventName: 'nobody.declared.this',
    consumerName: 'h',
    handler: async (event: DomainEvent<{ anything: boolean }>) => void event.payload.anything,
  });
}

export function refusing(): void {
  api.subscribe({
    eventName: 'typed.account.opened',
    consumerName: 'i',
    // @ts-expect-error a handler of another payload
    handler: async (event: DomainEvent<Closed>) => void event.payload.reason,
  });
  // @ts-expect-error no consumer name
  api.subscribe({ eventName: 'typed.account.opened', handler: async () => {} });
  // @ts-expect-error startFrom is one of four
  api.subscribe({ eventName: 'x', consumerName: 'j', startFrom: 'yesterday', handler: async () => {} });
}

export class Decorated {
  @IntegrationSubscriber({ eventName: 'typed.account.opened', consumerName: 'k' })
  async onOpened(event: DomainEvent<Opened>, context: SubscriberContext): Promise<void> {
    void [event.payload.limit, context.signal];
  }

  @IntegrationSubscriber({ eventName: 'typed.account.opened', consumerName: 'l', batch: { maxSize: 5 } })
  async onMany(events: DomainEvent<Opened>[]): Promise<void> {
    void events.length;
  }

  @IntegrationSubscriber({ eventName: 'nobody.declared.this', consumerName: 'm' })
  async onOther(event: DomainEvent<{ anything: boolean }>): Promise<void> {
    void event.payload.anything;
  }

  @IntegrationSubscriber('typed.account.opened', { consumerName: 'k2', timeoutMs: 500 })
  async onNamed(event: DomainEvent<Opened>): Promise<void> {
    void event.payload.limit;
  }

  @IntegrationSubscriber(['typed.account.opened', 'typed.account.closed'], { consumerName: 'k3' })
  async onEither(event: DomainEvent<Opened | Closed>): Promise<void> {
    void event.payload.accountId;
  }

  @IntegrationSubscriber('typed.account.opened', { consumerName: 'l2', batch: { maxSize: 5 } })
  async onManyNamed(events: DomainEvent<Opened>[]): Promise<void> {
    void events.length;
  }

  // @ts-expect-error a handler of another payload
  @IntegrationSubscriber('typed.account.opened', { consumerName: 'n2' })
  async onWrongNamed(event: DomainEvent<Closed>): Promise<void> {
    void event.payload.reason;
  }

  // @ts-expect-error no consumer name
  @IntegrationSubscriber('typed.account.opened', {})
  async onNobody(event: DomainEvent<Opened>): Promise<void> {
    void event.payload;
  }

  // @ts-expect-error the option is called timeoutMs
  @IntegrationSubscriber('typed.account.opened', { consumerName: 'n3', timeout: 5 })
  async onMisspelt(event: DomainEvent<Opened>): Promise<void> {
    void event.payload;
  }

  // @ts-expect-error a handler of another payload
  @IntegrationSubscriber({ eventName: 'typed.account.opened', consumerName: 'n' })
  async onWrong(event: DomainEvent<Closed>): Promise<void> {
    void event.payload.reason;
  }

  // @ts-expect-error a batch is an array
  @IntegrationSubscriber({ eventName: 'typed.account.opened', consumerName: 'o', batch: { maxSize: 5 } })
  async onOne(event: DomainEvent<Opened>): Promise<void> {
    void event.payload;
  }
}

// Definitions can be kept apart from the call that registers them.
export const definition: SubscriberDefinition<'typed.account.opened'> = {
  eventName: 'typed.account.opened',
  consumerName: 'p',
  handler: async (event) => void event.payload.limit,
};
export const batchDefinition: BatchSubscriberDefinition<'typed.account.opened'> = {
  eventName: 'typed.account.opened',
  consumerName: 'q',
  batch: { maxSize: 10, maxWaitMs: 50 },
  handler: async (events) => void events.length,
};
