import { beforeAll, describe, expect, test } from '@jest/globals';
import { NonRetryableError } from '../../src/index.js';
import { type Gate, gate } from '../support/gate.js';
import { violationsOf } from './stage/accessibility.js';
import { CARD, deadCardOrder, openCardShop } from './stage/card-orders.js';
import type { Operator, Shop } from './stage/shop.js';
import { onStage } from './stage/stage.js';

const NOBODY: Operator = { name: 'eve@shop.example', may: (action) => action !== 'dead-letters.rehearse' };

let isMended = false;
/** The handler waits for it. */
let hold: Gate | undefined;

const stage = onStage(async (database) => {
  const shop: Shop = await openCardShop(database, {
    consumerName: 'billing',
    eventName: 'order.placed',
    transactional: true,
    handler: async ({ payload }, { logger, transaction }) => {
      const { card } = payload as { card: string };
      logger.log(`pays by ${card}`);
      await hold?.opened;
      if (!isMended) throw new NonRetryableError('refused by the bank');
      const paid = {
        eventName: 'order.paid',
        sourceModule: 'billing',
        aggregateType: 'order',
        aggregateId: 'o1',
        payload: { card, sum: 7 },
      };
      await shop.api.publishEvent(paid, { persistenceClient: transaction });
    },
  });
  return shop;
});

let id: string;

beforeAll(async () => {
  id = await deadCardOrder(stage);
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

  test('is rehearsed to its end also where nothing else of the page is updated', async () => {
    const { page } = await stage.open(`#/events/${id}`);
    await page.getByRole('button', { name: /Pause\.$/ }).click();
    await page.getByRole('button', { name: /^Paused\./ }).waitFor();
    hold = gate();
    await page.getByRole('button', { name: 'Rehearse it at billing' }).click();
    const dialog = page.getByRole('dialog', { name: 'Rehearse it at billing' });
    await dialog.getByRole('button', { name: 'Rehearse', exact: true }).click();
    const report = page.getByRole('region', { name: 'Rehearsal' });
    await report.getByText('Rehearsal:').waitFor();
    hold.open();
    await report.getByText(/is rolled back\./).waitFor();
  });

  test('is not rehearsed by who may not', async () => {
    const { page } = await stage.open(`#/events/${id}`, { operator: NOBODY });
    const button = page.getByRole('button', { name: 'Rehearse it at billing' });
    await button.waitFor();
    expect(await button.getAttribute('aria-disabled')).toBe('true');
    await page.getByText(/may not rehearse dead letters/).waitFor({ state: 'attached' });
  });
});
