import type { Logger } from '@nestjs/common';
import { sqlStateOf } from '../../database/connection/connection-loss.js';
import { INSUFFICIENT_PRIVILEGE } from '../../database/connection/sql-states.js';
import type { EngineDatabase } from '../../database/engine-database.js';
import { sqlIdentifier } from '../../database/sql/pasteable-text.js';
import type { LeaseStore } from './lease.store.js';

const LOOK_AGAIN_MS = 60_000;
const UNDEFINED_TABLE = '42P01';

/**
 * Whether the table of leases can be used. The heartbeat's statement must not fail because of it, since the
 * consumers of this process depend on the heartbeat. So the table is looked at before it becomes a part of
 * the statement, and again after a beat that was refused.
 */
export class LeaseTable {
  private looked: { readonly isUsable: boolean; readonly at: number } | undefined;

  constructor(
    private readonly db: EngineDatabase,
    private readonly store: LeaseStore,
    private readonly logger: Logger,
  ) {}

  async canBeUsed(): Promise<boolean> {
    const at = performance.now();
    const { looked } = this;
    if (looked !== undefined && (looked.isUsable || at - looked.at < LOOK_AGAIN_MS)) return looked.isUsable;
    const lacking = await this.store.lacking();
    this.looked = { isUsable: lacking === undefined, at };
    if (lacking === undefined) return true;
    const { integrationLease } = this.db.tables;
    this.logger.error(
      lacking.rights === null
        ? `Leases cannot be taken: there is no table ${integrationLease}. Run the migrations of this version.`
        : `Leases cannot be taken. Run as the owner of the tables: GRANT ${lacking.rights} ON ${integrationLease} TO ${sqlIdentifier(lacking.role)}. docs/guide/operate/security.md lists what each role needs.`,
    );
    return false;
  }

  /** A beat that looked at the table has failed. */
  beatFailed(error: unknown): void {
    const state = sqlStateOf(error);
    if (state === UNDEFINED_TABLE || state === INSUFFICIENT_PRIVILEGE) this.looked = undefined;
  }
}
