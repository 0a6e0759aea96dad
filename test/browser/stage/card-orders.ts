import type { AnySubscriberDefinition } from '../../../src/subscribers/subscriber-definition.js';
import { TEST_LOGGER } from '../../support/log-lines.js';
import type { TestDatabase } from '../../support/test-database.js';
import { until } from '../../support/until.js';
import { openShop, type Shop, type ShopSetup } from './shop.js';

/** What nobody may see in the page. */
export const CARD = '4111-1111-1111-1111';

/** A shop whose mask hides the card of an order, and which keeps what the handler of the subscriber logs. */
export function openCardShop(
  database: TestDatabase,
  subscriber: AnySubscriberDefinition,
  settings: NonNullable<ShopSetup['engine']>['settings'] = {},
): Promise<Shop> {
  return openShop(database, {
    subscribers: [subscriber],
    engine: { handlerLines: { redact: (text) => text }, settings },
    // Without a logger nothing is written, and so nothing is kept.
    prepare: (app) => app.useLogger(TEST_LOGGER),
    admin: { mask: (payload) => ({ ...(payload as object), card: '****' }) },
  });
}

/** Publishes an order with a card that the handler refuses, and returns the id of the dead letter. */
export async function deadCardOrder({
  shop,
  database,
}: {
  readonly shop: Shop;
  readonly database: TestDatabase;
}): Promise<string> {
  const { outboxEventId } = await shop.api.publishEvent({
    eventName: 'order.placed',
    sourceModule: 'shop',
    aggregateType: 'order',
    aggregateId: 'o1',
    payload: { card: CARD },
  });
  await until('it is a dead letter', async () => {
    const { rows } = await database.pool.query(
      `SELECT 1 FROM integration.inbox_event WHERE status = 'dead_letter'`,
    );
    return rows.length === 1;
  });
  return outboxEventId;
}
