import type { INestApplicationContext } from '@nestjs/common';
import { OutboxProcessor, OutboxService } from 'nestjs-integration';
import { DataSource } from 'typeorm';
import { Invoice } from '../billing/invoice.entity';
import { Order } from '../orders/order.entity';
import { CREDIT_LIMIT, OrdersService, OverCreditLimitError } from '../orders/orders.service';
import { Carrier } from '../shipping/carrier';
import { Shipment } from '../shipping/shipment.entity';
import { tellRetries, untilShipped } from './shipped';

const ORDERS = [
  { customer: 'Ada', total: 1_250 },
  { customer: 'Grace', total: 99_900 },
  { customer: 'Ada', total: 4_700 },
  { customer: 'Edsger', total: 300 },
  { customer: 'Barbara', total: 15_000 },
];

/** Something that must hold after the play. */
interface Check {
  what: string;
  is: number;
  mustBe: number;
}

/** Places orders, waits until they are shipped, and counts. Returns whether everything held. */
export async function play(app: INestApplicationContext): Promise<boolean> {
  if ((await app.get(DataSource).manager.count(Order)) > 0)
    throw new Error('There are orders in this database already. Give the example an empty one.');
  const orders = app.get(OrdersService);
  const processor = app.get(OutboxProcessor);
  tellRetries(processor);
  const shipped = untilShipped(processor, ORDERS.length);
  for (const { customer, total } of ORDERS) await orders.place(customer, total);
  console.log(`${ORDERS.length} orders are placed, each in one transaction with its event.`);
  const refused = await placeTooMuch(orders);
  await shipped;
  await processor.drain({ timeoutMs: 10_000 });
  const checks = [{ what: 'orders that were refused', is: refused, mustBe: 1 }, ...(await count(app))];
  console.log();
  for (const { what, is, mustBe } of checks)
    console.log(
      `${is === mustBe ? '✔' : '✘'} ${what.padEnd(58)} ${is}${is === mustBe ? '' : `, not ${mustBe}`}`,
    );
  return checks.every(({ is, mustBe }) => is === mustBe);
}

/** An order that is saved and published, and then refused: its transaction is rolled back. */
async function placeTooMuch(orders: OrdersService): Promise<number> {
  try {
    await orders.place('Grace', CREDIT_LIMIT);
    return 0;
  } catch (error) {
    if (!(error instanceof OverCreditLimitError)) throw error;
    console.log(`One more is refused after it was saved and published: ${error.message}.`);
    return 1;
  }
}

async function count(app: INestApplicationContext): Promise<Check[]> {
  const { manager } = app.get(DataSource);
  const events = async (eventName: string) =>
    (await app.get(OutboxService).findMany({ eventName }, { limit: 100 })).items.length;
  const each = ORDERS.length;
  const invoiced = new Set((await manager.find(Invoice)).map(({ orderId }) => orderId)).size;
  return [
    { what: 'rows of orders, without the refused one', is: await manager.count(Order), mustBe: each },
    {
      what: 'events order.placed, without that of the refused order',
      is: await events('order.placed'),
      mustBe: each,
    },
    { what: 'invoices', is: await manager.count(Invoice), mustBe: each },
    { what: 'orders that have an invoice', is: invoiced, mustBe: each },
    { what: 'events invoice.issued', is: await events('invoice.issued'), mustBe: each },
    {
      what: 'shipments, without that of the try that failed',
      is: await manager.count(Shipment),
      mustBe: each,
    },
    { what: 'calls of the carrier, with the one that failed', is: app.get(Carrier).calls, mustBe: each + 1 },
  ];
}
