// Compiled by the type check, never run: what the compiler accepts and refuses once a host has declared its events.
import {
  type BatchSubscriberDefinition,
  type DomainEvent,
  type EventName,
  type EventOf,
  type EventSubscriberRegistry,
  type IntegrationDeveloperApiService,
  IntegrationSubscriber,
  type Jsonify,
  type PayloadOf,
  type SubscriberContext,
  type SubscriberDefinition,
  type Tx,
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

interface Line {
  readonly sku: string;
  readonly children?: readonly Line[];
}

declare module 'nestjs-integration' {
  interface IntegrationEvents {
    'json.kept': { readonly lines: readonly Line[]; note?: string; other: unknown };
    'json.changed': Changed;
    'json.refused': { id: bigint; seen: Map<string, number>; nested: { at: bigint }[] };
    'json.optional': { note?: string };
    'json.empty': Record<string, never>;
    'json.tree': JsonTree;
  }
}

/** As Prisma declares its JSON columns. */
type JsonTree = string | number | boolean | JsonObject | JsonList | null;
type JsonObject = { [key in string]?: JsonTree };
interface JsonList extends Array<JsonTree> {}

class Money {
  constructor(readonly cents: number) {}
  toJSON(): string {
    return String(this.cents);
  }
}

interface Changed {
  at: Date;
  maybe: string | undefined;
  optional?: Date;
  money: Money;
  pair: [Date, number];
  list: readonly Date[];
  inner: { until: Date | null }[];
  format(): string;
}

/** Compiles only for one and the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <_A, _B>(_proof: Same<_A, _B>): void => {};

export function whatJsonGivesBack(): void {
  same<EventOf<'typed.account.opened'>['payload'], Opened>(true);
  same<Jsonify<Line>, Line>(true);
  same<Jsonify<Date>, string>(true);
  same<Jsonify<JsonTree>, JsonTree>(true);
  same<Jsonify<string & { readonly brand: 'id' }>, string & { readonly brand: 'id' }>(true);
  same<Jsonify<unknown>, unknown>(true);
  same<
    Jsonify<Changed>,
    {
      at: string;
      maybe?: string;
      optional?: string;
      money: string;
      pair: [string, number];
      list: readonly string[];
      inner: { until: string | null }[];
    }
  >(true);
  same<Jsonify<{ count: bigint; seen: Map<string, number> }>, { count: never; seen: never }>(true);
  api.subscribe({
    eventName: 'json.changed',
    consumerName: 'j',
    handler: (event) => {
      event.payload.at satisfies string;
      // @ts-expect-error JSON makes a string of a Date
      event.payload.at.getTime();
      // @ts-expect-error JSON keeps no function
      event.payload.format();
    },
  });
  registry.registerHandler({
    eventName: 'json.changed',
    consumerName: 'j2',
    // @ts-expect-error a handler that expects the Date that was published
    handler: async (event: DomainEvent<{ at: Date }>) => event.payload.at.getTime(),
  });
  api.subscribe({
    eventName: 'json.tree',
    consumerName: 'j3',
    handler: async (event: DomainEvent<JsonTree>) => void event.payload,
  });
}

export function whatNeedsAPayload(): void {
  // @ts-expect-error the payload is missing
  void api.publishEvent({ ...from, eventName: 'typed.account.opened' });
  // @ts-expect-error the payload is undefined
  void api.publishEvent({ ...from, eventName: 'typed.account.opened', payload: undefined });
  // @ts-expect-error the payload is missing
  void api.publishEvent('typed.account.opened', 'accounts', 'account', '1');
  // @ts-expect-error the payload is undefined
  void api.publishEvent('typed.account.opened', 'accounts', 'account', '1', undefined, { delayMs: 5 });
  void api.publishEvents([
    // @ts-expect-error the payload is missing
    { ...from, eventName: 'typed.account.opened' },
    { ...from, eventName: 'json.optional' },
  ]);
  void api.publishEvent({ ...from, eventName: 'json.optional' });
  void api.publishEvent('json.optional', 'accounts', 'account', '1');
  void api.publishEvent('json.empty', 'accounts', 'account', '1', undefined, { delayMs: 5 });
  void api.publishEvent('nobody.declared.this', 'accounts', 'account', '1');
  void api.publishEvent('nobody.declared.this', 'accounts', 'account', '1', undefined, { delayMs: 5 });
  void api.publishEvent({ ...from, eventName: 'nobody.declared.this' });
}

export function whatJsonCannotHold(id: bigint, at: Date): void {
  void api.publishEvent({
    ...from,
    eventName: 'json.refused',
    payload: {
      // @ts-expect-error JSON has no bigint
      id,
      // @ts-expect-error JSON would empty a Map
      seen: new Map<string, number>(),
      // @ts-expect-error JSON has no bigint
      nested: [{ at: id }],
    },
  });
  // @ts-expect-error JSON has no bigint
  void api.publishEvent('json.refused', 'a', 'b', '1', { id, seen: new Map(), nested: [] });
  void api.publishEvent('json.changed', 'a', 'b', '1', {
    at,
    maybe: undefined,
    money: new Money(5),
    pair: [at, 1],
    list: [at],
    inner: [{ until: null }],
    format: () => '',
  });
  void api.publishEvent('json.kept', 'a', 'b', '1', { lines: [{ sku: 'x' }], other: 2 });
}

/** A host's own helper, for whichever event. */
export function publishAnything<N extends EventName>(eventName: N, id: string, payload: PayloadOf<N>): void {
  void api.publishEvent({ ...from, aggregateId: id, eventName, payload });
  void api.publishEvent(eventName, 'accounts', 'account', id, payload);
  void accounts.publish(eventName, id, payload);
}

const accounts = api.for('accounts', 'account');
declare const tx: Tx;

export function publishingBound(): void {
  void accounts.publish('typed.account.opened', '1', { accountId: '1', limit: 5 }, tx);
  void accounts.publish('typed.account.opened', '1', { accountId: '1', limit: 5 }, { delayMs: 5 });
  void accounts.publish('json.optional', '1');
  void accounts.publish('nobody.declared.this', '1');
  void accounts.publishMany(
    [
      { eventName: 'typed.account.opened', aggregateId: '1', payload: { accountId: '1', limit: 5 } },
      { eventName: 'typed.account.closed', aggregateId: '1', payload: { accountId: '1', reason: 'moved' } },
      { eventName: 'json.optional', aggregateId: '1', delayMs: 5 },
    ],
    tx,
  );
  // @ts-expect-error the payload is missing
  void accounts.publish('typed.account.opened', '1');
  // @ts-expect-error the payload of another event
  void accounts.publish('typed.account.opened', '1', { accountId: '1', reason: 'moved' });
  // @ts-expect-error no such option
  void accounts.publish('typed.account.opened', '1', { accountId: '1', limit: 5 }, { delay: 5 });
  // @ts-expect-error the module is known already
  void accounts.publishMany([{ eventName: 'json.optional', aggregateId: '1', sourceModule: 'x' }]);
  // @ts-expect-error the payload is missing
  void accounts.publishMany([{ eventName: 'typed.account.opened', aggregateId: '1' }]);
}

export function handlersMayReturnAnything(): void {
  api.subscribe({
    eventName: 'typed.account.opened',
    consumerName: 'r1',
    handler: (event) => event.payload.limit,
  });
  api.subscribe({
    eventName: 'nobody.declared.this',
    consumerName: 'r2',
    handler: async () => ({ done: true }),
  });
  registry.registerHandler({
    eventName: '*',
    consumerName: 'r3',
    batch: { maxSize: 5 },
    handler: (all) => all,
  });
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

  @IntegrationSubscriber('typed.account.opened', { consumerName: 'r4' })
  onSync(event: DomainEvent<Opened>): number {
    return event.payload.limit;
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

export function payloadsAsText(): void {
  registry.registerHandler({
    eventName: 'typed.account.opened',
    consumerName: 't1',
    payload: 'text',
    handler: ({ payload, eventName }) => {
      same<typeof payload, string>(true);
      same<typeof eventName, 'typed.account.opened'>(true);
    },
  });
  registry.registerHandler({
    eventName: ['typed.account.opened', 'nobody.declared.this'],
    consumerName: 't2',
    payload: 'text',
    batch: { maxSize: 5 },
    handler: (events) => {
      same<(typeof events)[number]['payload'], string>(true);
    },
  });
  registry.registerHandler({
    eventName: 'typed.account.opened',
    consumerName: 't3',
    // @ts-expect-error the handler wants it parsed
    payload: 'text',
    handler: (event: DomainEvent<Opened>) => event,
  });
}

export class PayloadsAsText {
  @IntegrationSubscriber('typed.account.opened', { consumerName: 't4', payload: 'text' })
  one(event: DomainEvent<string>): string {
    return event.payload;
  }

  @IntegrationSubscriber('typed.account.opened', {
    consumerName: 't5',
    payload: 'text',
    batch: { maxSize: 5 },
  })
  many(events: DomainEvent<string>[]): string[] {
    return events.map(({ payload }) => payload);
  }

  @IntegrationSubscriber({ eventName: 'typed.account.opened', consumerName: 't6', payload: 'text' })
  object(event: DomainEvent<string>): string {
    return event.payload;
  }

  // @ts-expect-error the handler wants it parsed
  @IntegrationSubscriber('typed.account.opened', { consumerName: 't7', payload: 'text' })
  parsed(event: DomainEvent<Opened>): Opened {
    return event.payload;
  }

  // @ts-expect-error the handler wants a text
  @IntegrationSubscriber('typed.account.opened', { consumerName: 't8', payload: 'json' })
  text(event: DomainEvent<string>): string {
    return event.payload;
  }
}
