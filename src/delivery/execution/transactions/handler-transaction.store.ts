import { Injectable } from '@nestjs/common';
import type { SqlClient } from '../../../database/clients/sql-client.js';
import { setStatementTimeout } from '../../../database/sql/statement-timeout.store.js';
import { ASK_TRANSACTION_START, TRANSACTION_START } from '../../../database/sql/transaction-start.store.js';

/** Statements about the handler's transaction itself. */
@Injectable()
export class HandlerTransactionStore {
  /** Sets the transaction's own timeouts (ms); resolves to its isolation level, and to when it began. */
  async begin(transaction: SqlClient, timeoutMs: number): Promise<{ isolation: string; start: string }> {
    const [row] = await transaction.$queryRawUnsafe<{ isolation: string; start: string }[]>(
      `SELECT ${setStatementTimeout('$1')}, set_config('idle_in_transaction_session_timeout', $1, true),
              current_setting('transaction_isolation') AS isolation, ${TRANSACTION_START} AS start`,
      String(Math.ceil(timeoutMs)),
    );
    return row ?? { isolation: 'unknown', start: '' };
  }

  /** When the transaction began that is open now. Fails in one that an error has aborted. */
  async startOf(transaction: SqlClient): Promise<string | undefined> {
    const [row] = await transaction.$queryRawUnsafe<{ start: string }[]>(ASK_TRANSACTION_START);
    return row?.start;
  }

  /**
   * Fails, and aborts the transaction with that: its locks are given back, and its own timeouts are those of
   * the session again.
   */
  async abort(transaction: SqlClient): Promise<void> {
    await transaction.$executeRawUnsafe(
      `DO $$ BEGIN RAISE EXCEPTION 'nestjs-integration: the handler of this transaction is past its deadline, or was given up' USING ERRCODE = 'query_canceled'; END $$`,
    );
  }
}
