import { Injectable } from '@nestjs/common';
import { ProcessIdentity } from '../../database/connection/process-identity.js';
import { EngineDatabase } from '../../database/engine-database.js';
import { OperationKinds } from './operation-kinds.js';
import { type ClaimedOperation, OperationWorkStore, type PortionResult } from './operation-work.store.js';
import { allowanceOf } from './pacing.js';

/** Number of events in one transaction. */
const CHANGED_AT_ONCE = 500;
/** Milliseconds between two looks at events whose outcome is awaited: the first, and the longest. */
const FIRST_LOOK_MS = 25;
const LOOK_MS = 500;

/** Works off the operations that run. It does not matter which process does it, or how often one asks. */
@Injectable()
export class OperationRunner {
  private readonly store: OperationWorkStore;
  /**
   * When an operation may have its next portion, in monotonic milliseconds. Until then other operations have
   * theirs.
   */
  private readonly resting = new Map<string, number>();
  /** The wait before the next look at an operation whose outcomes are awaited, in milliseconds. */
  private readonly looks = new Map<string, number>();

  constructor(
    private readonly db: EngineDatabase,
    private readonly identity: ProcessIdentity,
    private readonly kinds: OperationKinds,
  ) {
    this.store = new OperationWorkStore(db, kinds);
  }

  /**
   * Works until no operation is left that another process does not have, or until `isStopped`. The operations
   * take turns, portion by portion. So one that has a low rate, or that waits for what becomes of its events,
   * holds up no other one. `dead` are the processes that have ended without giving their operations back.
   */
  async workOff(isStopped: () => boolean, dead: () => readonly string[]): Promise<void> {
    while (!isStopped()) {
      if (await this.doPortion(dead())) continue;
      const next = Math.min(...this.resting.values());
      if (next === Number.POSITIVE_INFINITY) return;
      await wait(Math.min(next - performance.now(), LOOK_MS));
    }
    await this.store.releaseAll(this.identity.id);
  }

  /** Whether operations rest whose next portion this process does. */
  get isWaiting(): boolean {
    return this.resting.size > 0;
  }

  /** Does one portion of one operation. Returns false if there is none to work on at this moment. */
  async doPortion(dead: readonly string[] = []): Promise<boolean> {
    const now = performance.now();
    for (const [id, until] of this.resting) if (until <= now) this.resting.delete(id);
    const operation = await this.store.claim(this.identity.id, dead, [...this.resting.keys()]);
    if (operation === undefined) {
      // What has ended elsewhere is forgotten here.
      if (this.resting.size === 0) this.looks.clear();
      return false;
    }
    const { id, rate } = operation;
    const result = await this.portion(operation);
    if (result.state !== 'went-on') return true;
    const { changed } = result;
    if (changed > 0) this.looks.delete(id);
    const ms = changed === 0 ? await this.nextLook(id) : rate === null ? 0 : (changed / rate) * 1_000;
    if (ms > 0) this.resting.set(id, performance.now() + ms);
    return true;
  }

  /** How long to wait before the next look. Before the first wait, the owners are woken. */
  private async nextLook(id: string): Promise<number> {
    const ms = this.looks.get(id);
    if (ms === undefined) await this.store.wakeOwners();
    const next = ms === undefined ? FIRST_LOOK_MS : Math.min(LOOK_MS, ms * 2);
    this.looks.set(id, next);
    return next;
  }

  private async portion(operation: ClaimedOperation): Promise<PortionResult> {
    const { kind, changed, stopAfter, stopAbovePercent } = operation;
    const most = Math.min(CHANGED_AT_ONCE, operation.rate ?? CHANGED_AT_ONCE);
    const isBounded = stopAfter !== null || stopAbovePercent !== null;
    const verdict = isBounded ? await this.kinds.require(kind).verdict?.(this.db, operation) : undefined;
    if (verdict === undefined) return this.store.portion(operation, most);
    const allowance = allowanceOf(operation, changed, verdict);
    return 'stop' in allowance
      ? this.store.stop(operation, allowance.stop)
      : this.store.portion(operation, Math.min(most, allowance.most));
  }
}

function wait(ms: number): Promise<void> {
  return ms <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
}
