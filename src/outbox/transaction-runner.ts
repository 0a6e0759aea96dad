import { Injectable } from '@nestjs/common';
import { HostClient } from '../database/host-client.js';
import type { Tx } from '../database/sql-client.js';
import { namesOf, type PublishedRecord, runInTransactionContext } from '../telemetry/integration-context.js';
import { OutboxNotifier } from './outbox-notifier.js';
import { WakeupBroadcaster } from './wakeup-broadcaster.js';

/** Limits of a transaction, in milliseconds, as the host's client understands them. */
export interface TransactionOptions {
  /** How long to wait for a connection. Without a client of the host, its pool decides. */
  maxWait?: number;
  /**
   * How long the transaction may take. Default: what the client says (Prisma: 5 s); without a client of the host no limit, but 15 s for each of its
   * statements and for a pause between two: say a timeout where one of them takes longer.
   */
  timeout?: number;
}

/** Runs the host's transactions for `integrationApi.transaction`, and signals what they published once they have committed. */
@Injectable()
export class TransactionRunner {
  constructor(
    private readonly host: HostClient,
    private readonly notifier: OutboxNotifier,
    private readonly broadcaster: WakeupBroadcaster,
  ) {}

  /**
   * Runs `fn` in one interactive transaction (READ COMMITTED) of the host's client; resolves to what `fn` returned after the
   * commit, rejects with what it threw after the rollback. Inside another one it opens a second, independent transaction.
   */
  async run<R>(fn: (tx: Tx) => Promise<R>, options: TransactionOptions = {}): Promise<R> {
    let published: PublishedRecord[] = [];
    let told = false;
    const result = await this.host.client.$transaction(
      async (client) => {
        // A client may run the function again after a conflict; what the first run published is gone.
        published = [];
        const returned = await runInTransactionContext({ client, published }, () => fn(client as Tx));
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
