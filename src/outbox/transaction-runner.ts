import { Injectable } from '@nestjs/common';
import { namesOf, type PublishedRecord, runInTransactionContext } from '../context/integration-context.js';
import { AdaptedTransaction } from '../database/clients/adapted-client.js';
import { HostClient } from '../database/clients/host-client.js';
import { OwnSqlClient } from '../database/clients/own-sql-client.js';
import type { TransactionalSqlClient, TransactionLimit, Tx } from '../database/clients/sql-client.js';
import { transactionEnded } from '../database/sql/transaction-ends.js';
import { IntegrationError } from '../errors.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import { WakeupBroadcaster } from '../wakeups/wakeup-broadcaster.js';
import { problemsOfUnknownNames } from '../words/known-names.js';

/**
 * Limits of a transaction in milliseconds, as the client of the host understands them. A limit that the
 * client ignores is refused.
 */
export interface TransactionOptions {
  /**
   * The time to wait for a connection. Refused without a client of the host, because the pool decides then.
   */
  maxWait?: number;
  /**
   * The time that the transaction may take. Default: that of the client (Prisma: 5 s). Without a client of
   * the host there is no default, but each statement, and each pause between two, may take at most 15 s. Set
   * a timeout if one of them takes longer.
   */
  timeout?: number;
}

/**
 * Runs the transactions of the host for `integrationApi.transaction`, and signals the published events after
 * the commit.
 */
@Injectable()
export class TransactionRunner {
  constructor(
    private readonly host: HostClient,
    private readonly notifier: OutboxNotifier,
    private readonly broadcaster: WakeupBroadcaster,
  ) {}

  /**
   * Runs `fn` in one interactive transaction (READ COMMITTED) of the client of the host. Resolves after the
   * commit to what `fn` returned, and rejects after the rollback with what `fn` threw. Inside another
   * transaction it opens a second, independent one. Rejects with INTEGRATION_TRANSACTION_ENDED if a statement
   * of `fn` has ended the transaction and the client shows that, as the client of the engine and
   * `PgSqlClient` do.
   *
   * @throws IntegrationError INTEGRATION_OPTIONS_INVALID, before the transaction begins, for an option that
   * would be ignored
   */
  async run<R>(fn: (tx: Tx) => Promise<R>, options?: TransactionOptions): Promise<R> {
    if (options !== undefined) refuseIgnoredOptions(options, this.host.client);
    const { engine } = this.host;
    let published: PublishedRecord[] = [];
    let told = false;
    const result = await this.host.client.$transaction(
      async (client) => {
        // The client may run the function again after a conflict. The events of the first run are gone then.
        published = [];
        const given = AdaptedTransaction.nativeOf(client);
        const ends = OwnSqlClient.is(client) ? client.watchEnds() : undefined;
        const returned = await runInTransactionContext({ engine, client: given, published }, () =>
          fn(given as Tx),
        );
        if (ends?.hasEnded) throw transactionEnded(ends.by);
        told = published.length > 0 && this.broadcaster.followCommitOf(client);
        return returned;
      },
      { ...options, isolationLevel: 'ReadCommitted' },
    );
    if (published.length > 0)
      this.notifier.signal({ source: 'commit', eventNames: namesOf(published) }, { told });
    return result;
  }
}

const LIMITS: readonly TransactionLimit[] = ['maxWait', 'timeout'];

/** A limit that would be ignored is refused, because the caller relies on it. */
function refuseIgnoredOptions(options: TransactionOptions, client: TransactionalSqlClient): void {
  const given: Readonly<Record<string, unknown>> = { ...options };
  const { isolationLevel, ...limits } = given;
  const heeded = client.$transactionLimits ?? LIMITS;
  const problems = [
    ...(isolationLevel === undefined || isolationLevel === 'ReadCommitted'
      ? []
      : [`isolationLevel is always 'ReadCommitted': what the order of events rests on`]),
    ...problemsOfUnknownNames(limits, { known: LIMITS, kind: 'an option of transaction' }),
    ...LIMITS.filter((limit) => given[limit] !== undefined).flatMap((limit) =>
      problemsOfLimit(limit, given[limit], heeded),
    ),
  ];
  if (problems.length === 0) return;
  throw new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    `The transaction was not begun: ${problems.join('; ')}`,
    { problems },
  );
}

function problemsOfLimit(
  limit: TransactionLimit,
  value: unknown,
  heeded: readonly TransactionLimit[],
): string[] {
  if (!heeded.includes(limit)) {
    const others = heeded.length === 0 ? 'none' : heeded.join(', ');
    return [
      `${limit} is ignored by the client that runs the transaction (it heeds ${others}): leave it out, and limit that where its pool is made`,
    ];
  }
  const fits = typeof value === 'number' && value >= 0 && !Number.isNaN(value);
  return fits ? [] : [`${limit} must be a number of milliseconds, not ${String(value)}`];
}
