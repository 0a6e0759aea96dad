import type { SqlClient } from 'nestjs-integration';

/** Tables in which a row with a secret fails. The server then quotes the row in the detail of its error. */
export const FAILING_TABLES = `
  CREATE TABLE kept_secret (secret text PRIMARY KEY);
  CREATE TABLE refused_secret (secret text CHECK (length(secret) < 3))`;

export async function breakUnique(transaction: SqlClient, secret: string): Promise<void> {
  await transaction.$executeRawUnsafe('INSERT INTO kept_secret (secret) VALUES ($1), ($1)', secret);
}

export async function breakCheck(transaction: SqlClient, secret: string): Promise<void> {
  await transaction.$executeRawUnsafe('INSERT INTO refused_secret (secret) VALUES ($1)', secret);
}
