import { beforeAll, describe, expect, test } from '@jest/globals';
import { NonRetryableError } from '../../src/index.js';
import { TEST_LOGGER } from '../support/log-lines.js';
import { until } from '../support/until.js';
import { violationsOf } from './stage/accessibility.js';
import { type Operator, openShop, type Shop } from './stage/shop.js';
import { onStage } from './stage/stage.js';

const CARD = '4111-1111-1111-1111';
const NOBODY: Operator = { name: 'eve@shop.example', may: (action) => action !== 'dead-letters.rehearse' };

let isMended = false;

const stage = onStage((database) => {
  let shop: Shop | undefined;
  const opened = openShop(database, {
    subscribers: [
      {
        consumerName: 'billing',
        eventName: 'order.placed',
        transactional: true,
        handler: async ({ payload }, { logger, transaction }) => {
          const { card } = payload as { card: string };
          logger.log(`pays by ${card}`);
          if (!isMended) throw new NonRetryableError('refused by the bank');
          const paid = {
            eventName: 'order.paid',
            sourceModule: 'billing',
            aggregateType: 'order',
            aggregateId: 'o1',
            payload: { card, sum: 7 },
          };
          await shop?.api.publishEvent(paid, { persistenceClient: transaction });
        },
      },
    ],
    engine: { handlerLines: { redact: (text) => text } },
    // Without a logger nothing is written, and so nothing is kept.
    prepare: (app) => app.useLogger(TEST_LOGGER),
    admin: { mask: (payload) => ({ ...(payload as object), card: '****' }) },
  });
  return opened.then((it) => {
    shop = it;
    return it;
  });
});

let id: string;

beforeAll(async () => {
  const { outboxEventId } = await stage.shop.api.publishEvent({
    eventName: 'order.placed',
    sourceModule: 'shop',
    aggregateType: 'order',
    aggregateId: 'o1',
    payload: { card: CARD },
  });
  id = outboxEventId;
  await until('it is a dead letter', async () => {
    const { rows } = await stage.database.pool.query(
      `SELECT 1 FROM integration.inbox_event WHERE status = 'dead_letter'`,
    );
    return rows.length === 1;
  });
});

/** What the database has of events and of attempts. */
async function kept(): Promise<unknown> {
  const { rows } = await stage.database.pool.query(
    `SELECT (SELECT count(*) FROM integration.outbox_event) AS events, jsonb_agg(to_jsonb(i)) AS rows FROM integration.inbox_event i`,
  );
  return rows;
}

describe('a dead letter', () => {
  test('is rehearsed: the dialog says what is not undone, and the page what came of it', async () => {
    const before = await kept();
    const { page } = await stage.open(`#/events/${id}`);
    const rehearse = async () => {
      await page.getByRole('button', { name: 'Rehearse it at billing' }).click();
      const dialog = page.getByRole('dialog', { name: 'Rehearse it at billing' });
      await dialog.getByText(/Calls to other services are not undone/).waitFor();
      expect(await dialog.getByLabel('The same as a command', { exact: true }).inputValue()).toBe(
        `npx nestjs-integration dead-letters rehearse --consumer=billing ${id}`,
      );
      await dialog.getByRole('button', { name: 'Rehearse', exact: true }).click();
    };
    const report = page.getByRole('region', { name: 'Rehearsal' });

    await rehearse();
    await report.getByText(/The handler failed after .* is rolled back\./).waitFor();
    await report
      .getByText(/refused by the bank/)
      .first()
      .waitFor();

    isMended = true;
    await rehearse();
    await report.getByText(/The handler succeeded after .* would have published 1 event\./).waitFor();
    await report.getByText('1 line of its logger').click();
    await report.getByText('pays by [hidden]').waitFor();
    await report.getByText('Payload', { exact: true }).click();
    await report.getByText('"sum": 7').waitFor();
    expect(await page.evaluate(() => document.body.textContent ?? '')).not.toContain(CARD);
    expect(await violationsOf(page)).toEqual([]);
    expect(await kept()).toEqual(before);
  });

  test('is not rehearsed by who may not', async () => {
    const { page } = await stage.open(`#/events/${id}`, { operator: NOBODY });
    const button = page.getByRole('button', { name: 'Rehearse it at billing' });
    await button.waitFor();
    expect(await button.getAttribute('aria-disabled')).toBe('true');
    await page.getByText(/may not rehearse dead letters/).waitFor({ state: 'attached' });
  });
});
