import { AdaptedClient } from '../../database/clients/adapted-client.js';
import type { HostClient } from '../../database/clients/host-client.js';
import { isRootClient, type PersistenceClient } from '../../database/clients/sql-client.js';
import { IntegrationError } from '../../errors.js';
import { invalidArgument } from '../../words/argument-checks.js';
import type { HeldLease } from '../beat/held-lease.js';
import type { Lease, LeaseFence } from './lease.js';
import type { LeaseStore } from './lease.store.js';

/** A lease that this process has taken. */
export class TakenLease implements Lease {
  private readonly ending = new AbortController();

  constructor(
    private readonly held: HeldLease<string, number>,
    private readonly store: LeaseStore,
    private readonly host: HostClient,
  ) {}

  get name(): string {
    return this.held.key;
  }

  get token(): number {
    return this.held.token;
  }

  get signal(): AbortSignal {
    return this.ending.signal;
  }

  get remainingMs(): number {
    return this.held.remainingMs;
  }

  isHeld(): boolean {
    return !this.signal.aborted && this.held.isValid();
  }

  async fence(tx: PersistenceClient): Promise<void> {
    const client = this.host.within(tx);
    if (
      client === this.host.client ||
      (AdaptedClient.of(this.host.client) === undefined && isRootClient(client))
    )
      throw new IntegrationError(
        'INTEGRATION_CLIENT_IS_ROOT',
        `The lease "${this.name}" can only fence a transaction, and was given the client itself: open a transaction and pass its client`,
      );
    if (!(await this.store.fence(client, this, this.held.lengthMs)))
      throw leaseLost(this.name, 'another process has had it since');
  }

  fenceSql(firstParameter: number): LeaseFence {
    checkParameter(firstParameter);
    const sql = this.store.fenceSql(firstParameter, this.held.lengthMs);
    return { sql, values: [this.name, String(this.token)] };
  }

  extend(sentAt: number, leaseMs: number): void {
    this.held.extend(sentAt, leaseMs);
  }

  /** Tells the work to end. */
  end(reason: IntegrationError): void {
    this.ending.abort(reason);
  }
}

export function leaseLost(name: string, why: string): IntegrationError {
  return new IntegrationError('INTEGRATION_LEASE_LOST', `The lease "${name}" is over: ${why}`, { name });
}

/** A statement has at most 65,535 parameters, and this takes two. The number becomes a part of the SQL. */
function checkParameter(first: unknown): void {
  if (Number.isInteger(first) && Number(first) >= 1 && Number(first) <= 65_534) return;
  throw invalidArgument('firstParameter must be a whole number from 1 to 65534', { field: 'firstParameter' });
}
