import type { SqlClient } from 'nestjs-integration';

/** What `once` does. There is no unique key: a second payment would be seen. */
export function recordPayment(transaction: SqlClient, delivery: string): PromiseLike<number> {
  return transaction.$executeRawUnsafe('INSERT INTO payment (delivery) VALUES ($1)', delivery);
}
