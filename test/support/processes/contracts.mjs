// Contracts as an application exports them, compiled: read by the commands in test/cli/contracts.spec.ts. With CONTRACTS=changed, as a
// later release has them.
import { Module } from '@nestjs/common';
import * as v from 'valibot';
import { z } from 'zod';
import { ContractsModule, classSchema, defineEvent, jsonSchema } from '../../../dist/contracts/index.js';

const isChanged = process.env.CONTRACTS === 'changed';

export const orderPlaced = defineEvent({
  name: 'order.placed',
  visibility: 'public',
  category: 'orders',
  description: 'Somebody has ordered something.',
  examples: [{ total: 12, lines: [{ sku: 'a' }] }],
  schema: z.object({
    total: isChanged ? z.string() : z.number().min(0),
    placedAt: z.date().optional(),
    lines: z.array(z.object({ sku: z.string() })),
  }),
});

const node = z.object({
  name: z.string(),
  get children() {
    return z.array(node);
  },
});

class Closed {}

class OrdersModule {}
Module({
  imports: [
    ContractsModule.forFeature([
      defineEvent({ name: 'tree.grown', schema: node, direction: 'bidirectional', severity: 'warning' }),
      defineEvent({
        name: 'order.closed',
        version: 2,
        schema: classSchema(Closed),
        upcast: { 1: (old) => old },
      }),
    ]),
  ],
})(OrdersModule);

export class AppModule {}
Module({ imports: [ContractsModule.forRoot(), OrdersModule] })(AppModule);

export const others = {
  paid: defineEvent({ name: 'order paid/€', schema: v.object({ amount: v.number() }), direction: 'inbound' }),
  ...(isChanged
    ? {}
    : {
        sent: defineEvent({
          name: 'order.sent',
          visibility: 'public',
          schema: jsonSchema({ type: 'object', properties: { at: { type: 'string' } }, required: ['at'] }),
        }),
      }),
};
