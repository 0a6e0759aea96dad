import type { PersistenceClient } from '../../database/clients/sql-client.js';
import type { LeaseName } from '../beat/lease-beat.store.js';

/** A condition for the WHERE of a statement, and the values of its parameters, in their order. */
export interface LeaseFence {
  readonly sql: string;
  readonly values: readonly [name: string, token: string];
}

/** The right of this process to do the work of one name, from one taking to its end. */
export interface Lease extends LeaseName {
  /**
   * A whole number that is greater with each taking, by whatever process. It suits as a fencing token for
   * other systems as well.
   */
  readonly token: number;
  /**
   * Is aborted when the work must end: the lease is lost, was asked for by another process, or the
   * application ends. The reason is an IntegrationError, INTEGRATION_LEASE_LOST or INTEGRATION_CLOSED.
   */
  readonly signal: AbortSignal;
  /** Whether the work may begin something at this moment. It asks no database. */
  isHeld(): boolean;
  /**
   * Makes a transaction one of this lease. Call it before the transaction writes: what it writes is then
   * committed under the lease, or not at all. Until the transaction ends, nobody else can take the lease.
   *
   * @param tx an open transaction: of the application's client, or of the library whose adapter it gave
   * @throws IntegrationError INTEGRATION_LEASE_LOST if another process has had the lease since,
   *   INTEGRATION_CLIENT_IS_ROOT or INTEGRATION_CLIENT_INVALID if `tx` is not a transaction
   */
  fence(tx: PersistenceClient): Promise<void>;
  /**
   * The same for a save of one statement: a condition to be added with AND, which is false if another process
   * has had the lease since. The statement then changes nothing.
   *
   * @param firstParameter the number of the first of its two parameters, from 1 on
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for what is not such a number
   */
  fenceSql(firstParameter: number): LeaseFence;
}

/** Does the work of a name while this process has the lease. See `LeaseService.hold`. */
export type LeaseWork = (lease: Lease) => Promise<void>;

/** A name that this process wants, or has. */
export interface LeaseHold {
  readonly name: string;
  /** Whether this process has the lease at this moment. */
  readonly isHeld: boolean;
  /**
   * Wants the name no more. If the work runs, its signal is aborted. Resolves when it has ended, and the
   * lease is given back.
   */
  release(): Promise<void>;
}
