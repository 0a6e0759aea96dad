import type { Logger } from '@nestjs/common';
import type { EngineConnection } from '../database/connection/engine-connection.js';
import type {
  ClusterSnapshot,
  IntegrationProcessStore,
  LeaseInForce,
} from './beat/integration-process.store.js';

/**
 * Warns which consumers wait for a missing process of which nobody can tell whether it has ended. Each
 * process is named once.
 */
export class HeldByMissing {
  private told = new Set<string>();

  constructor(
    private readonly processes: IntegrationProcessStore,
    private readonly logger: Logger,
  ) {}

  /**
   * `missing` are the processes whose backend is gone, from `FailureDetector.unjudged`. `consumers` are those
   * that this process could work on.
   */
  async warnOfMissing(
    connection: EngineConnection,
    { cursors }: ClusterSnapshot,
    consumers: ReadonlySet<string>,
    missing: readonly string[],
  ): Promise<void> {
    this.told = new Set(missing.filter((id) => this.told.has(id)));
    const holders = new Set(
      cursors.flatMap(({ consumerName, leaseOwner, expired }) =>
        leaseOwner !== null && !expired && consumers.has(consumerName) ? [leaseOwner] : [],
      ),
    );
    const unsaid = missing.filter((id) => holders.has(id) && !this.told.has(id));
    if (unsaid.length === 0) return;
    const leases = await this.processes.leasesInForce(connection, [...consumers], unsaid);
    for (const id of unsaid) {
      this.told.add(id);
      const words = wordsFor(leases.filter(({ owner }) => owner === id));
      if (words !== undefined) this.logger.warn(words);
    }
  }
}

/** The first of `leases` must be the one that runs out last. */
function wordsFor(leases: readonly LeaseInForce[]): string | undefined {
  const [last] = leases;
  if (last === undefined) return undefined;
  const names = [...new Set(leases.map(({ consumerName }) => JSON.stringify(consumerName)))].sort();
  const process =
    last.host === null ? `process ${last.owner}` : `process ${last.owner} (${last.host}:${last.pid})`;
  const seen = last.seenAt === null ? '' : ` It was last seen at ${last.seenAt.toISOString()}.`;
  return `${names.length === 1 ? 'Consumer' : 'Consumers'} ${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} held by ${process}, whose connection to the database is gone.${seen} Whether it has ended cannot be told: the database server was restarted since. Unless it comes back, its leases run out by ${last.until.toISOString()}, and other processes go on with its work.`;
}
