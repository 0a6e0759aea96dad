import type { Consumer } from '../../subscribers/consumer.js';
import type { Attempt } from './attempt.js';
import { BatchAccumulator } from './batch-accumulator.js';
import type { Delivery, Outcome } from './delivery.js';
import { InfrastructurePause } from './infrastructure-pause.js';
import { type Reachability, Unavailability } from './unavailability.js';
import type { WorkInHand } from './work-in-hand.js';

interface GateListener {
  paused(ms: number, error: unknown): void;
  reachability(change: Reachability): void;
}

/**
 * Decides whether an event that is ready may start now. The event waits in four cases: all places of the
 * consumer are taken, there is a pause, one attempt is finding out whether a receiver can be reached again,
 * or a batch is not full yet.
 */
export class StartGate {
  private readonly pause: InfrastructurePause;
  private readonly unavailability: Unavailability;
  private readonly accumulator: BatchAccumulator;

  constructor(
    private readonly consumer: Consumer,
    private readonly inHand: WorkInHand,
    listener: GateListener,
  ) {
    this.pause = new InfrastructurePause((ms, error) => listener.paused(ms, error));
    this.unavailability = new Unavailability(this.pause, (change) => listener.reachability(change));
    this.accumulator = new BatchAccumulator(consumer.batch);
  }

  get isOpen(): boolean {
    const { inHand } = this;
    return (
      inHand.running.inHandlers < this.consumer.concurrency &&
      inHand.queues.hasReady &&
      !this.pause.isOn &&
      !this.unavailability.isBeingTried &&
      !this.accumulator.isFilling(inHand.waitingEvents, inHand.singles > 0 || inHand.claims.size > 0)
    );
  }

  /** When the gate may open by the passing of time (monotonic milliseconds), or undefined if it does not. */
  get opensAt(): number | undefined {
    return this.pause.endsAt ?? this.accumulator.dueAt;
  }

  /** Called when a batch is taken out of the queues. */
  batchTaken(): void {
    this.accumulator.passed();
  }

  began(attempt: Attempt): void {
    this.unavailability.began(attempt);
  }

  ended(attempt: Attempt, outcome: Outcome): void {
    this.unavailability.ended(attempt, outcome);
  }

  /** Called when an event had an outcome of its own. What its handler needs can then be reached. */
  succeeded({ subscription }: Delivery): void {
    this.pause.succeeded();
    if (this.unavailability.isOn) this.unavailability.succeeded(subscription);
  }

  /** Called when the infrastructure failed, and not the event. */
  failedOutside(error: unknown): void {
    this.pause.begin(error);
  }

  /** Called when a handler reports that it cannot reach what it needs. */
  unreachable({ subscription }: Delivery, error: unknown, pauseMs: number | undefined): void {
    this.unavailability.noted(subscription, error, pauseMs);
  }

  close(): void {
    this.unavailability.close();
  }
}
