import { Injectable } from '@nestjs/common';
import { ProcessIdentity } from '../../database/connection/process-identity.js';
import { EngineDatabase } from '../../database/engine-database.js';
import { type ClaimedOperation, OperationWorkStore, type PortionResult } from './operation-work.store.js';

/** Number of events in one transaction. */
const CHANGED_AT_ONCE = 500;
/** Milliseconds between two looks at events whose outcome is awaited. */
const LOOK_MS = 500;

/** Works off the operations that run. It does not matter which process does it, or how often one asks. */
@Injectable()
export class OperationRunner {
  private readonly store: OperationWorkStore;
  /** When the rate of an operation allows its next portion, in monotonic milliseconds. */
  private readonly allowedAt = new Map<string, number>();

  constructor(
    db: EngineDatabase,
    private readonly identity: ProcessIdentity,
  ) {
    this.store = new OperationWorkStore(db);
  }

  /** Works until no operation is left that another process does not have, or until `isStopped`. */
  async workOff(isStopped: () => boolean): Promise<void> {
    while (!isStopped()) {
      const operation = await this.store.claim(this.identity.id);
      if (operation === undefined) return;
      await this.workOn(operation, isStopped);
    }
  }

  /** Does one portion of one operation. Returns false if there is none to work on. */
  async doPortion(): Promise<boolean> {
    const operation = await this.store.claim(this.identity.id);
    if (operation === undefined) return false;
    if (this.pauseOf(operation) <= 0) await this.next(operation);
    return true;
  }

  private async workOn(operation: ClaimedOperation, isStopped: () => boolean): Promise<void> {
    while (!isStopped()) {
      const result = await this.next(operation);
      if (result.state !== 'went-on') return;
      await wait(result.changed === 0 ? LOOK_MS : this.pauseOf(operation));
    }
    await this.store.release(operation);
  }

  private async next(operation: ClaimedOperation): Promise<PortionResult> {
    const result = await this.portion(operation);
    if (result.state !== 'went-on') this.allowedAt.delete(operation.id);
    else if (operation.rate !== null)
      this.allowedAt.set(operation.id, performance.now() + (result.changed / operation.rate) * 1_000);
    return result;
  }

  private pauseOf({ id }: ClaimedOperation): number {
    return (this.allowedAt.get(id) ?? 0) - performance.now();
  }

  private async portion(operation: ClaimedOperation): Promise<PortionResult> {
    const { stopAfter } = operation;
    const most = Math.min(CHANGED_AT_ONCE, operation.rate ?? CHANGED_AT_ONCE);
    if (stopAfter === null) return this.store.portion(operation, most);
    const { failedTheSameWay, failedOtherwise, pending } = await this.store.verdict(operation.id);
    const failures = failedTheSameWay + failedOtherwise;
    if (failures >= stopAfter)
      return this.store.stop(
        operation,
        `It has stopped by itself: ${failures} of its events have failed again`,
      );
    // No more events are under way than may still fail.
    return this.store.portion(operation, Math.min(most, stopAfter - failures - pending));
  }
}

function wait(ms: number): Promise<void> {
  return ms <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
}
