import { Injectable } from '@nestjs/common';
import type { SqlClient } from '../database/sql-client.js';

/** Statements about the handler's transaction itself. */
@Injectable()
export class HandlerTransactionStore {
  /** Sets the transaction's own timeouts (ms); resolves to its isolation level. */
  async begin(transaction: SqlClient, timeoutMs: number): Promise<string> {
    const [row] = await transaction.$queryRawUnsafe<{ isolation: string }[]>(
      `SELECT set_config('statement_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $1, true),
              current_setting('transaction_isolation') AS isolation`,
      String(Math.ceil(timeoutMs)),
    );
    return row?.isolation ?? 'unknown';
  }

  /** Fails in a transaction that an error has aborted. */
  async verifyUsable(transaction: SqlClient): Promise<void> {
    await transaction.$queryRawUnsafe('SELECT 1');
  }
}
