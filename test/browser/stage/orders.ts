import { type IntegrationDeveloperApiService, RetryAfterError } from '../../../src/index.js';
import type { AnySubscriberDefinition } from '../../../src/subscribers/subscriber-definition.js';
import type { TestDatabase } from '../../support/test-database.js';
import { until } from '../../support/until.js';
import { openShop, type Shop, type ShopSetup } from './shop.js';

/** The other service that `billing` calls. A test decides what it refuses, and mends it. */
export class Receiver {
  /** The ids of the orders that it has accepted, in the order of arrival. */
  readonly accepted: string[] = [];
  private readonly refused = new Set<string>();
  private readonly put = new Map<string, number>();

  refuse(...ids: string[]): void {
    for (const id of ids) this.refused.add(id);
  }

  /** Asks for patience: the event is tried again after so many milliseconds. */
  putOff(id: string, ms: number): void {
    this.put.set(id, ms);
  }

  mend(): void {
    this.refused.clear();
    this.put.clear();
  }

  call(id: string): void {
    const ms = this.put.get(id);
    if (ms !== undefined) throw new RetryAfterError(ms, 'The receiver asks for patience');
    if (this.refused.has(id)) throw new Error('The receiver answered 503: out for lunch');
    this.accepted.push(id);
  }
}

export interface Orders extends Shop {
  readonly receiver: Receiver;
  /** Publishes an event `order.placed` for each id, one after the other. Returns the ids of the events. */
  place(...ids: string[]): Promise<string[]>;
  /** Resolves when every consumer has done with every event that it can handle. */
  settled(): Promise<void>;
  /** Resolves when a consumer has so many rows of this status. */
  has(consumer: string, status: string, count: number): Promise<void>;
}

/**
 * A shop whose orders go to three consumers: `billing` calls the receiver, `shipping` publishes
 * `parcel.sent`, and `mail` handles that.
 */
export async function openOrders(database: TestDatabase, setup: ShopSetup = {}): Promise<Orders> {
  const receiver = new Receiver();
  const published: { api?: IntegrationDeveloperApiService } = {};
  const subscribers: AnySubscriberDefinition[] = [
    {
      consumerName: 'billing',
      eventName: 'order.*',
      handler: ({ aggregateId }: { aggregateId: string }) => receiver.call(aggregateId),
    },
    {
      consumerName: 'shipping',
      eventName: 'order.placed',
      handler: async ({ aggregateId }: { aggregateId: string }) => {
        await published.api?.publishEvent({
          eventName: 'parcel.sent',
          sourceModule: 'shipping',
          aggregateType: 'parcel',
          aggregateId: `parcel-of-${aggregateId}`,
          payload: { order: aggregateId },
        });
      },
    },
    { consumerName: 'mail', eventName: 'parcel.*', handler: () => {} },
    ...(setup.subscribers ?? []),
  ];
  const shop = await openShop(database, { ...setup, subscribers });
  published.api = shop.api;
  return {
    ...shop,
    receiver,
    place: async (...ids) => {
      const placed: string[] = [];
      for (const id of ids) {
        const { outboxEventId } = await shop.api.publishEvent({
          eventName: 'order.placed',
          sourceModule: 'shop',
          aggregateType: 'order',
          aggregateId: id,
          payload: { id, total: 12 },
        });
        placed.push(outboxEventId);
      }
      return placed;
    },
    settled: async () => {
      await until('everything is settled', async () => {
        const { rows } = await database.pool.query<{ n: number }>(
          `SELECT count(*)::int AS n FROM integration.inbox_cursor c, integration.outbox_event e
           WHERE c.paused_at IS NULL AND e.position <@ c.unread`,
        );
        return rows[0]?.n === 0;
      });
    },
    has: async (consumer, status, count) => {
      await until(`${count} ${status} of ${consumer}`, async () => {
        const { rows } = await database.pool.query<{ n: number }>(
          'SELECT count(*)::int AS n FROM integration.inbox_event WHERE consumer_name = $1 AND status = $2',
          [consumer, status],
        );
        return rows[0]?.n === count;
      });
    },
  };
}

/** `count` ids that begin with the given text. */
export function ids(beginning: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${beginning}-${index + 1}`);
}
