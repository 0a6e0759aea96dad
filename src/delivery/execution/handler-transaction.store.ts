import { Injectable } from '@nestjs/common';
import type { SqlClient } from '../../database/clients/sql-client.js';
import { setStatementTimeout } from '../../database/sql/statement-timeout.store.js';
import { ASK_TRANSACTION_START, TRANSACTION_START } from '../../database/sql/transaction-start.store.js';

/** Statements about the handler's transaction itself. */
@Injectable()
export class HandlerTransactionStore {
  /**
   * Sets the transaction's own timeouts (in milliseconds). Resolves to its isolation level and its start
   * time.
   */
  async begin(transaction: SqlClient, timeoutMs: number): Promise<{ isolation: string; start: string }> {
    const [row] = await transaction.$queryRawUnsafe<{ isolation: string; start: string }[]>(
      `SELECT ${setStatementTimeout('$1')}, set_config('idle_in_transaction_session_timeout', $1, true),
              current_setting('transaction_isolation') AS isolation, ${TRANSACTION_START} AS start`,
      String(Math.ceil(timeoutMs)),
    );
    return row ?? { isolation: 'unknown', start: '' };
  }

  /** Resolves to the start time of the transaction that is open now. Rejects if an error has aborted it. */
  async startOf(transaction: SqlClient): Promise<string | undefined> {
    const [row] = await transaction.$queryRawUnsafe<{ start: string }[]>(ASK_TRANSACTION_START);
    return row?.start;
  }

  /**
   * Always rejects, because its statement fails on purpose in order to abort the transaction. The transaction
   * releases its locks, and the session's own timeouts apply again.
   */
  async abort(transaction: SqlClient): Promise<void> {
    await transaction.$executeRawUnsafe(
      `DO $$ BEGIN RAISE EXCEPTION 'nestjs-integration: the handler of this transaction is past its deadline, or was given up' USING ERRCODE = 'query_canceled'; END $$`,
    );
  }
}
