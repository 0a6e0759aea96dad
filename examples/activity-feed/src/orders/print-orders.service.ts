import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DomainEventPublisher } from 'nestjs-integration';
import type { OrderTerms } from '../events.js';
import { PrismaService } from '../prisma/prisma.service.js';

@Injectable()
export class PrintOrdersService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly publisher: DomainEventPublisher,
  ) {}

  /** Saves an order and says so, both or none. Resolves to its id. */
  async place(terms: OrderTerms): Promise<string> {
    const id = randomUUID();
    await this.prisma.$transaction(async (tx) => {
      await tx.printOrder.create({ data: { id, cents: terms.cents } });
      await this.publisher.publishEvent(
        {
          eventName: 'print-order.placed',
          sourceModule: 'orders',
          aggregateType: 'print_order',
          aggregateId: id,
          payload: terms,
        },
        { persistenceClient: tx },
      );
    });
    return id;
  }
}
