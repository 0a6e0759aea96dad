import { Injectable } from '@nestjs/common';
import type { SqlClient } from '../../database/clients/sql-client.js';
import { type EndedBy, ROLLED_BACK } from '../../database/sql/transaction-ends.js';
import type { AttemptTransactions } from '../execution/handler-transaction.js';
import { HandlerTransactionStore } from '../execution/handler-transaction.store.js';
import type { Attempt } from '../partition/attempt.js';
import {
  type RehearsalStores,
  RehearsalTransaction,
  type RunningRehearsal,
} from './rehearsal-transaction.js';
import { RehearsalTransactionStore } from './rehearsal-transaction.store.js';

/** Makes the transactions of rehearsals. */
@Injectable()
export class RehearsalTransactions implements AttemptTransactions<RunningRehearsal>, RehearsalStores {
  constructor(
    readonly statements: HandlerTransactionStore,
    readonly rehearsals: RehearsalTransactionStore,
  ) {}

  of(client: SqlClient, attempt: Attempt, running: RunningRehearsal): RehearsalTransaction {
    return new RehearsalTransaction(client, attempt, running, this);
  }

  /** A handler that has ended its transaction has rolled it back: the fence lets no COMMIT pass. */
  takeBack(): Promise<EndedBy> {
    return Promise.resolve(ROLLED_BACK);
  }

  /** The fence lets no COMMIT pass. */
  isCommitted(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async verifyAnswers(client: SqlClient): Promise<void> {
    await this.statements.startOf(client);
  }
}
