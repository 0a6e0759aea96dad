import { expect, test } from '@jest/globals';
import { Module } from '@nestjs/common';
import type { Page } from 'playwright-core';
import type { DomainEvent } from '../../src/index.js';
import {
  Saga,
  type SagaContext,
  SagaStart,
  SagaStep,
  SagasModule,
  SagasService,
  SagaTimeout,
} from '../../src/sagas/index.js';
import { untilSagaSettled } from '../sagas/saga-app.js';
import { fitsEachScreen, violationsOf } from './stage/accessibility.js';
import { CANARIES } from './stage/canaries.js';
import { atRest, everyPage } from './stage/every-page.js';
import { openShop, PATH, READER } from './stage/shop.js';
import { onStage } from './stage/stage.js';

const keyOf = ({ aggregateId }: DomainEvent) => aggregateId;
const of = (saga: SagaContext) => ({
  sourceModule: 'shop',
  aggregateType: 'order',
  aggregateId: saga.key,
  payload: {},
});

@Saga({ name: 'order-fulfilment', steps: ['paying', 'paid'] })
class OrderFulfilment {
  @SagaStart('order.placed', { key: keyOf })
  async placed(_: DomainEvent, saga: SagaContext): Promise<void> {
    saga.onUndo({ eventName: 'stock.release', ...of(saga) });
    saga.onUndo({ eventName: 'mail.sorry', ...of(saga) });
    await saga.timeout('payment', { afterMs: 900_000 });
    saga.become('paying');
  }

  @SagaStep('payment.made', { key: keyOf, in: 'paying' })
  async paid(event: DomainEvent<{ refused?: string }>, saga: SagaContext): Promise<void> {
    if (event.payload.refused !== undefined) return saga.undo(event.payload.refused);
    await saga.clearTimeout('payment');
    saga.become('paid');
  }

  @SagaStep('parcel.sent', { key: keyOf, in: 'paid' })
  sent(event: DomainEvent, saga: SagaContext): void {
    if (event.aggregateId === 'order-9') throw new Error('the carrier is not known');
    saga.complete();
  }

  @SagaTimeout('payment')
  async late(saga: SagaContext): Promise<void> {
    await saga.undo('not paid in time');
  }
}

@Module({ imports: [SagasModule.forRoot()], providers: [OrderFulfilment] })
class SagasOfShop {}

const stage = onStage((database) => openShop(database, { imports: [SagasOfShop] }));

const LONG_KEY = `${'tenant-with-a-long-name/'.repeat(6)}order`;
const heading = (page: Page, name: string) =>
  page.getByRole('heading', { level: 1, name, exact: true }).waitFor();

async function happen(eventName: string, aggregateId: string, payload: object = {}): Promise<void> {
  await stage.shop.api.publishEvent({
    eventName,
    sourceModule: 'shop',
    aggregateType: 'order',
    aggregateId,
    payload,
  });
}

async function settled(): Promise<void> {
  await untilSagaSettled(stage.database, 'order-fulfilment');
}

test('sagas by their steps, stuck ones, and one of them with its history, its timeouts and what waits', async () => {
  const keys = ['order-1', 'order-2', 'order-3', 'order-4', CANARIES.img, LONG_KEY];
  for (const key of keys) await happen('order.placed', key);
  await settled();
  await happen('payment.made', 'order-1');
  await happen('payment.made', 'order-2', { refused: `refused: ${CANARIES.script}` });
  await happen('parcel.sent', CANARIES.img);
  await settled();
  await happen('parcel.sent', 'order-1');
  await settled();
  await happen('parcel.sent', 'order-1');
  await settled();
  // It has no timeout to come, and nothing has happened for days.
  await stage.database.pool.query(
    `UPDATE integration.saga_instance SET changed_at = now() - interval '9 days', timeouts = '{}' WHERE key = 'order-4'`,
  );

  const { page } = await stage.open('', { bypassCSP: true });
  const main = page.getByRole('main');
  await page.getByRole('list', { name: 'Conversations' }).getByRole('link', { name: 'Sagas' }).click();
  await heading(page, 'Sagas');
  const standing = main.getByRole('region', { name: 'Where they stand' });
  const paying = standing.getByRole('row').filter({ hasText: 'paying' });
  await paying.getByRole('cell', { name: '4', exact: true }).waitFor();
  await atRest(page);
  await fitsEachScreen(page, [paying.getByRole('link', { name: '1 stuck' })]);
  expect(await violationsOf(page)).toEqual([]);

  await page.setViewportSize({ width: 1280, height: 900 });
  await paying.getByRole('link', { name: '1 stuck' }).click();
  const each = main.getByRole('table', { name: 'Sagas', exact: true });
  await each.getByRole('row').filter({ hasText: 'order-4' }).getByText('stuck', { exact: true }).waitFor();
  await atRest(page);
  expect(await each.getByRole('rowheader').allTextContents()).toEqual(['order-4']);
  const ways = main.getByRole('table', { name: 'From step to step' }).getByRole('row');
  const wayOf = (...texts: string[]) => texts.reduce((rows, hasText) => rows.filter({ hasText }), ways);
  await wayOf('the beginning', 'paying', 'order.placed')
    .getByRole('cell', { name: '6', exact: true })
    .waitFor();
  await wayOf('paying', 'paid', 'payment.made').getByRole('cell', { name: '1', exact: true }).waitFor();
  await wayOf('paying', 'undone', 'payment.made').getByRole('cell', { name: '1', exact: true }).waitFor();
  await wayOf('paid', 'completed', 'parcel.sent').getByRole('cell', { name: '1', exact: true }).waitFor();
  // What came after the end was no way.
  expect(await ways.count()).toBe(5);
  await fitsEachScreen(page, [wayOf('paid', 'completed').getByText('completed')]);
  expect(await violationsOf(page)).toEqual([]);

  await page.setViewportSize({ width: 1280, height: 900 });
  await main.getByRole('button', { name: 'Clear' }).click();
  await each.getByRole('link', { name: CANARIES.img }).click();
  await heading(page, CANARIES.img);
  await main.getByRole('table', { name: 'Timeouts' }).getByText('payment').waitFor();
  const waiting = main.getByRole('table', { name: 'Events that wait' });
  await waiting.getByRole('link', { name: 'parcel.sent' }).waitFor();
  await waiting.getByText('paid', { exact: true }).waitFor();
  await main.getByRole('table', { name: 'History' }).getByRole('link', { name: 'order.placed' }).waitFor();
  await atRest(page);
  await fitsEachScreen(page, [waiting.getByRole('link', { name: 'parcel.sent' })]);
  expect(await violationsOf(page)).toEqual([]);
}, 300_000);

test('a saga is ended with an outcome and a reason, and its page says who did it', async () => {
  await happen('order.placed', 'to-end');
  await settled();
  const { page } = await stage.open(`#/sagas/order-fulfilment/to-end`, { bypassCSP: true });
  await heading(page, 'to-end');
  await page.getByRole('button', { name: 'End', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'End the saga' });
  await dialog.getByLabel('It ends as').selectOption('undone');
  await dialog.getByText('Publishes 2 events, the last one first.').waitFor();
  await dialog.getByLabel('Reason').fill('the customer called');
  expect(await dialog.getByLabel('The same as a command', { exact: true }).inputValue()).toBe(
    `npx nestjs-integration sagas end --outcome=undone --reason='the customer called' order-fulfilment to-end`,
  );
  expect(await violationsOf(page)).toEqual([]);
  await page.setViewportSize({ width: 1280, height: 900 });
  await dialog.getByRole('button', { name: 'End it' }).click();
  await dialog.waitFor({ state: 'detached' });
  const history = page.getByRole('table', { name: 'History' });
  await history.getByText(/undone by ada@shop.example: the customer called/).waitFor();
  await page.getByText('undone', { exact: true }).first().waitFor();
  const sagas = stage.shop.app.get(SagasService, { strict: false });
  expect(await sagas.get('order-fulfilment', 'to-end')).toMatchObject({ status: 'undone' });
  // The button stays, and says why it does nothing more.
  const end = page.getByRole('button', { name: 'End', exact: true });
  expect(await end.getAttribute('aria-disabled')).toBe('true');
  expect(await page.getByText('It has ended: it is undone.').count()).toBe(1);
}, 120_000);

test('the dead letters of a saga are sent again from its page', async () => {
  await happen('order.placed', 'order-9');
  await settled();
  await happen('payment.made', 'order-9');
  await settled();
  await happen('parcel.sent', 'order-9');
  await settled();
  const { page } = await stage.open(`#/sagas/order-fulfilment/order-9`);
  await heading(page, 'order-9');
  await page.getByRole('button', { name: 'Retry' }).click();
  const dialog = page.getByRole('dialog', { name: 'Retry the saga' });
  await dialog.getByRole('button', { name: 'Retry it' }).click();
  await dialog.waitFor({ state: 'detached' });
  const { rows } = await stage.database.pool.query<{ actor: string }>(
    `SELECT actor FROM integration.integration_audit WHERE action LIKE '%redrive%' AND target LIKE '%saga.order-fulfilment%'`,
  );
  expect(rows).toEqual([{ actor: 'ada@shop.example' }]);
}, 120_000);

test('who may only read sees why nothing can be changed', async () => {
  await happen('order.placed', 'to-read');
  await settled();
  const { page } = await stage.open(`#/sagas/order-fulfilment/to-read`, { operator: READER });
  await heading(page, 'to-read');
  for (const name of ['End', 'Retry'])
    expect(await page.getByRole('button', { name, exact: true }).getAttribute('aria-disabled')).toBe('true');
  expect(await page.getByText(/ben@shop\.example\) may not end sagas and retry them/).count()).toBe(2);
}, 120_000);

test('links lead to the page from its consumer, and to every saga', async () => {
  const { page } = await stage.open();
  const opened = await everyPage(page, `${stage.shop.url}/${PATH}/ui`, async () => {});
  expect(opened).toContain('#/sagas');
  expect(opened).toContain('#/sagas?saga=order-fulfilment');
  expect(opened.some((route) => route.startsWith('#/sagas/order-fulfilment/'))).toBe(true);
}, 300_000);
