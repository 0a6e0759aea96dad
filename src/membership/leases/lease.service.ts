import { Injectable } from '@nestjs/common';
import { checkText, invalidArgument } from '../../words/argument-checks.js';
import type { LeaseHold, LeaseWork } from './lease.js';
import { NamedLeases } from './named-leases.js';

const LONGEST_NAME = 127;

/**
 * Leases for work of the application that one of all processes does at a time: a poller, a scheduler, a sync
 * with another service.
 *
 * ```ts
 * this.leases.hold('prices.import', async (lease) => {
 *   for await (const prices of this.source.read({ signal: lease.signal }))
 *     await prisma.$transaction(async (tx) => {
 *       await lease.fence(tx);
 *       await tx.price.createMany({ data: prices });
 *     });
 * });
 * ```
 */
@Injectable()
export class LeaseService {
  constructor(private readonly leases: NamedLeases) {}

  /**
   * Wants the lease of a name from now on. Whenever this process takes it, `work` is called. While it runs,
   * no other process runs the work of this name, as far as a process can know: a process that stalls for
   * longer than `processingLeaseMs` may still run when another one has begun. What it saves is refused then,
   * if it saves with `lease.fence` or `lease.fenceSql`.
   *
   * When the signal of the lease is aborted, `work` must end. The name is still wanted. If `work` resolves
   * before that, its work is done: the lease is given back and wanted no more. If it rejects, that is logged,
   * and it is called again after a pause, here or in another process that wants the name.
   *
   * Leases are taken when every module of the application is ready. A process with the role `publisher` takes
   * none. If several processes want several names, each gets its share.
   *
   * @param name at most 127 characters; the same one in every process
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for such a name, or if this process wants it already,
   *   INTEGRATION_CLOSED if the application is ending
   */
  hold(name: string, work: LeaseWork): LeaseHold {
    checkText('name', name ?? null, LONGEST_NAME);
    if (name.trim() === '') throw invalidArgument('name is empty: give the work a name', { field: 'name' });
    if (typeof work !== 'function')
      throw invalidArgument('work must be a function that does the work', { field: 'work' });
    if (this.leases.has(name))
      throw invalidArgument(
        `This process wants the lease ${JSON.stringify(name)} already: release that first`,
        { field: 'name' },
      );
    const want = this.leases.want(name, work);
    return {
      name,
      get isHeld() {
        return want.state.is === 'held' && want.state.lease.isHeld();
      },
      release: () => this.leases.release(want),
    };
  }
}
