import { IntegrationError } from '../errors.js';
import { adminFailure } from './admin-failure.js';
import { outcomeOf } from './commit-outcome.js';
import { isConnectionLoss } from './connection/connection-loss.js';
import { EngineDatabase } from './engine-database.js';
import type { EngineDatabaseOptions } from './engine-database-options.js';
import { SentCommits } from './sent-commits.js';
import { ASK_NUMBER, type NumberedTransaction } from './sql/commit-outcome.store.js';
import type { EngineSession } from './sql/engine-session.js';
import { limitRead } from './sql/reading.store.js';
import { isPoolExhausted } from './wire/driver-words.js';

/** A transaction whose COMMIT was sent. */
interface SentCommit<R> {
  readonly result: R;
  readonly number: NumberedTransaction;
  readonly wasRolledBack: () => void;
}

/** The number of connections of admins. */
const ADMIN_CONNECTIONS = 2;

/**
 * The connections of admins: of services, commands and pages that look at the state of the engine or change
 * it. They are few, apart from those of delivery, and opened when they are first used.
 *
 * Why nothing that happens here touches delivery. Nobody who delivers waits for a connection of this pool.
 * What this pool loses is announced on its own `losses$`, which nobody in delivery follows. It looks by
 * itself which server its sessions are with. A read ends after five seconds, and a change holds its locks for
 * as long as each statement of the engine may take.
 */
export class AdminDatabase extends EngineDatabase {
  readonly commits = new SentCommits();
  /** Its errors are those of the connection. */
  private readonly unrefused: EngineSession = {
    query: <Row>(sql: string, params?: readonly unknown[]) => super.query<Row>(sql, params),
  };

  constructor(options: Omit<EngineDatabaseOptions, 'max' | 'use'>) {
    super({ ...options, max: ADMIN_CONNECTIONS, use: 'admin' });
  }

  /**
   * Runs one statement that only reads.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_BUSY if no connection is free; INTEGRATION_ADMIN_TIMEOUT if
   * the read takes longer than five seconds
   */
  override async query<Row = Record<string, unknown>>(
    sql: string,
    params: readonly unknown[] = [],
  ): Promise<Row[]> {
    return super.query<Row>(sql, params).catch((error) => this.refuse(error, true));
  }

  /**
   * Runs `fn` in one READ COMMITTED transaction that can only read.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_BUSY if no connection is free; INTEGRATION_ADMIN_TIMEOUT if a
   * statement takes longer than five seconds
   */
  override async read<R>(fn: (session: EngineSession) => Promise<R>): Promise<R> {
    const limited = async (session: EngineSession) => {
      await limitRead(session);
      return fn(session);
    };
    return super.read(limited).catch((error) => this.refuse(error, true));
  }

  /**
   * Runs `fn` in one READ COMMITTED transaction that may write. If the connection is lost before COMMIT is
   * answered, the server is asked what became of it. So a change that was made is not called a failure.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_BUSY if no connection is free; INTEGRATION_ADMIN_TIMEOUT if a
   * statement takes longer than fifteen seconds, or waits too long for rows that others hold;
   * INTEGRATION_PRIVILEGES_MISSING if the role lacks a right
   */
  override async transaction<R>(fn: (session: EngineSession) => Promise<R>): Promise<R> {
    const sent: SentCommit<R>[] = [];
    const numbered = async (session: EngineSession) => {
      const result = await fn(session);
      const [number] = await session.query<NumberedTransaction>(ASK_NUMBER);
      if (number !== undefined) sent.push({ result, number, wasRolledBack: this.commits.note() });
      return result;
    };
    return super.transaction(numbered).catch(async (error) => {
      const [commit] = sent;
      const outcome =
        commit && isConnectionLoss(error) ? await outcomeOf(this.unrefused, commit.number) : 'aborted';
      if (commit !== undefined && outcome === 'committed') return commit.result;
      if (outcome === 'aborted') commit?.wasRolledBack();
      return this.refuse(error, false);
    });
  }

  private async refuse(error: unknown, isRead: boolean): Promise<never> {
    const about = {
      schema: this.schema,
      whose: 'the connections for admins',
      session: this.unrefused,
      isRead,
    };
    throw await adminFailure(busyOr(error), about);
  }
}

function busyOr(error: unknown): unknown {
  if (!isPoolExhausted(error)) return error;
  return new IntegrationError(
    'INTEGRATION_ADMIN_BUSY',
    `This process has ${ADMIN_CONNECTIONS} connections for admins, and other calls were still using all of them. Try again in a moment`,
    { connections: ADMIN_CONNECTIONS },
    { cause: error },
  );
}
