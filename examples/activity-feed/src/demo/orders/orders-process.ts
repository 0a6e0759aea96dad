// One process of the application that sells printed activity. It places the orders that its parent sends, and
// stops with its parent.
import 'reflect-metadata';
import { once } from 'node:events';
import { NestFactory } from '@nestjs/core';
import type { OrderTerms } from '../../events.js';
import { PrintOrdersService } from '../../orders/print-orders.service.js';
import { OrdersAppModule } from '../../orders-app.module.js';

const parentGone = process.connected ? once(process, 'disconnect') : Promise.resolve();
const app = await NestFactory.createApplicationContext(OrdersAppModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
process.on('message', async (all: OrderTerms[]) => {
  const ids: string[] = [];
  for (const terms of all) ids.push(await app.get(PrintOrdersService).place(terms));
  process.send?.({ placed: ids });
});
process.send?.('ready');

await parentGone;
await app.close();
process.exit(0);
