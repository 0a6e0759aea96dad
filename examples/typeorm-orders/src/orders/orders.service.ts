import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type AggregatePublisher, DomainEventPublisher } from 'nestjs-integration';
import { DataSource } from 'typeorm';
import { Order } from './order.entity';

/** What one customer may owe, in cents. */
export const CREDIT_LIMIT = 100_000;

export class OverCreditLimitError extends Error {}

@Injectable()
export class OrdersService {
  private readonly events: AggregatePublisher;

  constructor(
    private readonly dataSource: DataSource,
    publisher: DomainEventPublisher,
  ) {
    this.events = publisher.for('orders', 'order');
  }

  /**
   * Saves the order and publishes `order.placed` in one transaction of TypeORM: both are committed, or
   * neither is.
   *
   * @param total in cents
   * @throws OverCreditLimitError if the customer would owe more than CREDIT_LIMIT
   */
  place(customer: string, total: number): Promise<string> {
    return this.dataSource.transaction(async (manager) => {
      const id = randomUUID();
      await manager.insert(Order, { id, customer, total });
      await this.events.publish('order.placed', id, { customer, total }, manager);
      const owed = (await manager.sum(Order, 'total', { customer })) ?? 0;
      if (owed > CREDIT_LIMIT) throw new OverCreditLimitError(`${customer} would owe ${owed / 100}`);
      return id;
    });
  }
}
