import { Injectable } from '@nestjs/common';
import { namesOf, type PublishedRecord, runInTransactionContext } from '../context/integration-context.js';
import { HostClient } from '../database/clients/host-client.js';
import { OwnSqlClient } from '../database/clients/own-sql-client.js';
import type { TransactionalSqlClient, TransactionLimit, Tx } from '../database/clients/sql-client.js';
import { transactionEnded } from '../database/sql/transaction-ends.js';
import { IntegrationError } from '../errors.js';
import { problemsOfUnknownNames } from '../events/known-names.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import { WakeupBroadcaster } from '../wakeups/wakeup-broadcaster.js';

/**
 * Limits of a transaction, in milliseconds, as the host's client understands them. One that it ignores is
 * refused.
 */
export interface TransactionOptions {
  /** How long to wait for a connection. Refused without a client of the host: there the pool decides. */
  maxWait?: number;
  /**
   * How long the transaction may take. Default: what the client says (Prisma: 5 s); without a client of the
   * host no limit, but 15 s for each of its statements and for a pause between two: say a timeout where one
   * of them takes longer.
   */
  timeout?: number;
}

/**
 * Runs the host's transactions for `integrationApi.transaction`, and signals what they published once they
 * have committed.
 */
@Injectable()
export class TransactionRunner {
  constructor(
    private readonly host: HostClient,
    private readonly notifier: OutboxNotifier,
    private readonly broadcaster: WakeupBroadcaster,
  ) {}

  /**
   * Runs `fn` in one interactive transaction (READ COMMITTED) of the host's client; resolves to what `fn`
   * returned after the commit, rejects with what it threw after the rollback. Inside another one it opens a
   * second, independent transaction. Rejects with INTEGRATION_TRANSACTION_ENDED where a statement of `fn` has
   * ended it, as far as its client shows that: the engine's own and `PgSqlClient` do.
   *
   * @throws IntegrationError INTEGRATION_OPTIONS_INVALID, before the transaction begins, for an option that
   * would be ignored
   */
  async run<R>(fn: (tx: Tx) => Promise<R>, options?: TransactionOptions): Promise<R> {
    if (options !== undefined) refuseIgnoredOptions(options, this.host.client);
    let published: PublishedRecord[] = [];
    let told = false;
    const result = await this.host.client.$transaction(
      async (client) => {
        // A client may run the function again after a conflict; what the first run published is gone.
        published = [];
        const ends = OwnSqlClient.is(client) ? client.watchEnds() : undefined;
        const returned = await runInTransactionContext({ client, published }, () => fn(client as Tx));
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

/** Whoever says a limit relies on it. */
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
