import { PositionSet } from '../../log/position-set.js';
import { AggregateQueues } from './aggregate-queues.js';
import type { Attempt } from './attempt.js';
import { ClaimedRows } from './claimed-rows.js';
import { type Delivery, isClaimed } from './delivery.js';
import { RunningAttempts } from './running-attempts.js';

/**
 * Everything that one partition has read or claimed and not resolved: the events in queues, the claimed rows
 * and the running attempts. It also counts how much of this waits.
 */
export class WorkInHand {
  readonly queues: AggregateQueues;
  readonly claims = new ClaimedRows();
  readonly running = new RunningAttempts();
  /** The number of events of failed batches that have not run singly yet. */
  singles = 0;
  private waiting = 0;
  private bytes = 0;

  constructor(ordered: boolean) {
    this.queues = new AggregateQueues(ordered);
  }

  /** The number of events that were read from the log and do not run yet. */
  get waitingEvents(): number {
    return this.waiting;
  }

  /** The bytes of the payloads of these events. */
  get waitingBytes(): number {
    return this.bytes;
  }

  get isIdle(): boolean {
    return this.running.size === 0 && this.waiting === 0 && this.claims.size === 0 && !this.queues.hasUnsaved;
  }

  /** Whether an event of the log at one of these positions runs or will run. */
  holdsAny(positions: PositionSet): boolean {
    if (positions.isEmpty) return false;
    const isOne = (delivery: Delivery) => delivery.claim === undefined && positions.has(delivery.position);
    if (this.running.some(isOne)) return true;
    for (const delivery of this.queues.waiting()) if (isOne(delivery)) return true;
    return false;
  }

  /** The positions of the events from the log that have no outcome yet. */
  get positions(): PositionSet {
    const positions: number[] = [];
    for (const { claim, position } of this.all()) if (claim === undefined) positions.push(position);
    return PositionSet.of(positions);
  }

  /** Called when somebody else has settled these events. None of them may run, or run again. */
  settledElsewhere(isOne: (delivery: Delivery) => boolean): void {
    for (const delivery of this.all()) {
      if (delivery.isSettled || !isOne(delivery)) continue;
      delivery.isSettled = true;
      // A batch that took the event would run it.
      if (
        delivery.claim === undefined &&
        !delivery.isSingle &&
        !this.running.some((one) => one === delivery)
      ) {
        delivery.isSingle = true;
        this.singles++;
      }
    }
  }

  /** Takes an event from the log. */
  fromLog(delivery: Delivery): void {
    this.enterWindow(delivery);
    this.queues.enqueue(delivery);
  }

  /** Takes an event from the retry loop. */
  fromInbox(delivery: Delivery): void {
    if (isClaimed(delivery)) this.claims.claimed(delivery);
    this.queues.enqueueClaimed(delivery);
  }

  /** Called when the events of an attempt have been taken out of their queues and run. */
  begin(attempt: Attempt): void {
    this.leave(attempt.delivery);
    for (const other of attempt.others) this.leave(other);
    this.running.begin(attempt);
  }

  /** Called when the event has been taken out of its queue. */
  leave(delivery: Delivery): void {
    if (delivery.claim === undefined) this.leaveWindow(delivery);
    else this.claims.begin(delivery.claim);
  }

  /** Called when the event will run once more. */
  requeue(delivery: Delivery): void {
    if (delivery.claim === undefined) this.enterWindow(delivery);
    else this.claims.requeue(delivery.claim);
    this.queues.requeue(delivery);
  }

  /**
   * Called when the event must run again because one before it in its batch failed. It waits behind that one,
   * and may be in a batch again.
   */
  putBack(delivery: Delivery): void {
    this.enterWindow(delivery);
    this.queues.putBack(delivery);
  }

  /**
   * Called when the event was part of a batch that failed. It runs singly, so that the event at fault is
   * found.
   */
  requeueSingle(delivery: Delivery): void {
    delivery.isSingle = true;
    this.singles++;
    this.requeue(delivery);
  }

  /** Takes the events that are written down as waiting and do not stay here. */
  takeParked(): Delivery[] {
    const parked = this.queues.takeParked();
    for (const delivery of parked) {
      this.leaveWindow(delivery);
      if (delivery.isSingle) this.singles--;
    }
    return parked;
  }

  private *all(): Generator<Delivery> {
    yield* this.queues.waiting();
    yield* this.running.deliveries();
  }

  private enterWindow(delivery: Delivery): void {
    this.waiting++;
    this.bytes += delivery.log.bytes;
  }

  private leaveWindow(delivery: Delivery): void {
    this.waiting--;
    this.bytes -= delivery.log.bytes;
  }
}
