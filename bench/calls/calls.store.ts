import type { SqlClient } from 'nestjs-integration';

export const CREATE_TABLE = 'CREATE TABLE told (key text PRIMARY KEY, at timestamptz NOT NULL)';

export async function noteByHand(client: SqlClient, key: string): Promise<void> {
  await client.$executeRawUnsafe('INSERT INTO told (key, at) VALUES ($1, clock_timestamp())', key);
}

/** Ends every call that hangs, and those that wait behind them. */
export const END_HANGING = `
  UPDATE integration.external_call SET status = 'canceled', due_at = NULL, ended_at = clock_timestamp()
  WHERE group_key = 'hanging' AND ended_at IS NULL`;
