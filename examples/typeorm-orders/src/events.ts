import type { EntityManager } from 'typeorm';

/** What the modules tell each other. Amounts are in cents. */
declare module 'nestjs-integration' {
  interface IntegrationEvents {
    'order.placed': { customer: string; total: number };
    'invoice.issued': { orderId: string; total: number };
  }

  /** What `context.transaction` of a handler is. */
  interface IntegrationTypes {
    transaction: EntityManager;
  }
}
