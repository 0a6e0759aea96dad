// Compiled by test/house/types.spec.ts, never run: publishing and handlers are typed from one definition.
import {
  type AggregatePublisher,
  type DomainEvent,
  type EventOf,
  type IntegrationDeveloperApiService,
  IntegrationSubscriber,
} from 'nestjs-integration';
import {
  ContractsModule,
  defineEvent,
  type EventSchema,
  type PayloadOfContract,
} from 'nestjs-integration/contracts';

/** As any library with Standard Schema has it. */
declare function schemaOf<Input, Output = Input>(): EventSchema<Input, Output>;

interface Line {
  sku: string;
  count: number;
}

export const orderPlaced = defineEvent({
  name: 'typed.order.placed',
  version: 2,
  schema: schemaOf<{ total: number; lines: Line[]; note?: string }>(),
  upcast: { 1: (old: { total: string }) => ({ total: Number(old.total), lines: [] }) },
  examples: [{ total: 1, lines: [] }],
});

/** A schema that fills in a default and converts. */
export const orderPaid = defineEvent({
  name: 'typed.order.paid',
  schema: schemaOf<{ amount: string; currency?: string }, { amount: number; currency: string; at: Date }>(),
  visibility: 'public',
  webhook: { data: ({ payload }) => payload.at.getTime() },
});

export const orderClosed = defineEvent({
  name: 'typed.order.closed',
  schema: schemaOf<{ reason?: string }, { reason: string }>(),
});

declare module 'nestjs-integration' {
  interface IntegrationEvents {
    'typed.order.placed': PayloadOfContract<typeof orderPlaced>;
    'typed.order.paid': PayloadOfContract<typeof orderPaid>;
    'typed.order.closed': PayloadOfContract<typeof orderClosed>;
  }
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <_A, _B>(_proof: Same<_A, _B>): void => {};

declare const api: IntegrationDeveloperApiService;
declare const orders: AggregatePublisher;

const from = { sourceModule: 'sales', aggregateType: 'order', aggregateId: '1' };

export function publishing(): void {
  same<PayloadOfContract<typeof orderPlaced>, { total: number; lines: Line[]; note?: string }>(true);
  void api.publishEvent({ ...from, eventName: 'typed.order.placed', payload: { total: 1, lines: [] } });
  void orders.publish('typed.order.paid', '1', { amount: '12.50' });
  void orders.publish('typed.order.closed', '1');
  void api.publishEvent(orderPaid.event({ ...from, payload: { amount: '1' } }));
  void api.publishEvents([
    orderPlaced.event({ ...from, payload: { total: 1, lines: [{ sku: 'a', count: 1 }] }, delayMs: 5 }),
    orderPaid.event({ ...from, payload: { amount: '1', currency: 'EUR' } }),
  ]);
  void orders.publishMany([orderPaid.event({ aggregateId: '1', payload: { amount: '1' } })]);
}

export const imports = [ContractsModule.forRoot(), ContractsModule.forFeature([orderPlaced, orderPaid])];

export function refusing(): void {
  // @ts-expect-error the input of the schema has a text
  void orders.publish('typed.order.paid', '1', { amount: 12.5 });
  // @ts-expect-error the payload is missing
  void orders.publish('typed.order.placed', '1');
  // @ts-expect-error lines are missing
  void api.publishEvent(orderPlaced.event({ ...from, payload: { total: 1 } }));
  // @ts-expect-error the contract knows the name
  void orderPlaced.event({ ...from, eventName: 'x', payload: { total: 1, lines: [] } });
  // @ts-expect-error no such visibility
  defineEvent({ name: 'a', schema: schemaOf<string>(), visibility: 'private' });
  // @ts-expect-error the example does not fit
  defineEvent({ name: 'a', schema: schemaOf<{ n: number }>(), examples: [{ n: 'x' }] });
  // @ts-expect-error this is no schema
  defineEvent({ name: 'a', schema: { type: 'object' } });
}

export class Handlers {
  @IntegrationSubscriber('typed.order.paid', { consumerName: 'a' })
  onPaid({ payload }: EventOf<'typed.order.paid'>): void {
    payload.amount satisfies number;
    payload.currency satisfies string;
    payload.at satisfies string;
    // @ts-expect-error JSON makes a string of a Date
    payload.at.getTime();
  }

  @IntegrationSubscriber('typed.order.placed', { consumerName: 'b' })
  onPlaced(event: DomainEvent<PayloadOfContract<typeof orderPlaced>>): void {
    event.payload.lines[0]?.count satisfies number | undefined;
  }

  @IntegrationSubscriber('typed.order.closed', { consumerName: 'c' })
  onClosed(event: DomainEvent<PayloadOfContract<typeof orderClosed>>): string {
    return event.payload.reason;
  }

  // @ts-expect-error a handler of another payload
  @IntegrationSubscriber('typed.order.placed', { consumerName: 'd' })
  onWrong(event: DomainEvent<{ total: string }>): string {
    return event.payload.total;
  }
}
