import type { HeldLease } from '../../membership/beat/held-lease.js';
import type { Consumer } from '../../subscribers/consumer.js';
import type { ConcurrencyLimiter, SlotUser } from '../execution/concurrency-limiter.js';
import type { HandlerRunner } from '../execution/handler-runner.js';
import type { HostConnections } from '../execution/host-connections.js';
import type { Attempt } from '../partition/attempt.js';
import type { EndOfAttempt } from '../partition/delivery.js';
import type { Partition } from '../partition/partition.js';

/** The parts that run attempts. All workers of the process share them. */
export interface DispatcherParts {
  readonly runner: HandlerRunner;
  readonly slots: ConcurrencyLimiter;
  /** The places of transactional handlers, which hold a connection of the host each. */
  readonly connections: Pick<HostConnections, 'tryTake' | 'release'>;
}

/**
 * Runs the attempts of one partition, in the order in which the partition gives them out. It takes places of
 * the process, and works only under a lease that is known to be ours. It has the timers, because a partition
 * has none.
 */
export class Dispatcher implements SlotUser {
  private pumping = false;
  private watching = false;
  private timer: NodeJS.Timeout | undefined;
  private timerAt = Number.POSITIVE_INFINITY;

  readonly priority: number;
  private readonly isTransactional: boolean;

  constructor(
    consumer: Pick<Consumer, 'priority' | 'isTransactional'>,
    private readonly partition: Partition,
    private readonly lease: HeldLease,
    private readonly parts: DispatcherParts,
    /** Called when the memory is inconsistent. Everything must then be read again. */
    private readonly broken: (error: unknown) => void,
  ) {
    this.priority = consumer.priority;
    this.isTransactional = consumer.isTransactional;
  }

  /** Starts the attempts that can run. */
  pump(): void {
    // A handler that ends at once calls this function while it runs. The outer loop then continues, so that
    // the stack does not grow.
    if (this.pumping) return;
    this.pumping = true;
    try {
      this.startReady();
      this.comeBack();
    } finally {
      this.pumping = false;
    }
  }

  slotFree(): void {
    this.pump();
  }

  /** Resolves to whether all running handlers ended before `deadline` (monotonic ms). */
  async finishRunning(deadline: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), Math.max(0, deadline - performance.now()));
    });
    const finished = await Promise.race([this.partition.allEnded.then(() => true), late]);
    clearTimeout(timer);
    return finished;
  }

  close(): void {
    clearTimeout(this.timer);
    this.partition.close();
  }

  private startReady(): void {
    const { partition, lease } = this;
    const { slots, connections } = this.parts;
    while (partition.canStart && lease.isValid() && this.takePlaces()) {
      const attempt = partition.next();
      if (attempt === undefined || attempt.runsExclusively) slots.release();
      if (this.isTransactional) {
        const isHeld = attempt?.delivery.subscription.transactional === true && !attempt.runsExclusively;
        if (isHeld) attempt.onConnectionFree = this.connectionFree;
        else connections.release();
      }
      if (attempt !== undefined) this.start(attempt);
    }
  }

  /**
   * Takes a place of the process, and one of its transactional handlers if the consumer has such. Whichever
   * is not to be had tells this dispatcher when it is free. What kind the next attempt is of is known later.
   */
  private takePlaces(): boolean {
    const { slots, connections } = this.parts;
    if (this.isTransactional && !connections.tryTake(this)) return false;
    if (slots.tryTake(this)) return true;
    if (this.isTransactional) connections.release();
    return false;
  }

  private readonly connectionFree = (): void => this.parts.connections.release();

  private start(attempt: Attempt): void {
    if (attempt.runsExclusively) this.runExclusively(attempt).then((outcome) => this.end(attempt, outcome));
    else this.parts.runner.run(attempt, this.lease, this.endInSlot, this.committing);
    this.watchDeadlines();
  }

  /** The place of the attempt is free. The next attempt may share the message that carries the COMMIT. */
  private readonly committing = (): void => {
    try {
      this.partition.committing();
      this.parts.slots.release();
    } catch (error) {
      this.broken(error);
    }
  };

  /** One function serves all attempts. */
  private readonly endInSlot = (attempt: Attempt, outcome: EndOfAttempt): void => {
    // The attempt ends first. So the attempts that wait here take part when the slot is given to the highest
    // priority.
    this.end(attempt, outcome);
    if (!attempt.hasLeftItsPlace) this.parts.slots.release();
  };

  /**
   * Runs the attempt while no other handler runs. If the host does not answer, the attempt does not even wait
   * for its turn.
   */
  private async runExclusively(attempt: Attempt): Promise<EndOfAttempt> {
    const { runner, slots } = this.parts;
    try {
      if (attempt.asksHost) await runner.askHost();
      return await slots.exclusively(async () => {
        if (attempt.asksHost) await runner.askHost();
        return this.runUnlessClosed(attempt);
      });
    } catch (error) {
      return { kind: 'infrastructure', error };
    }
  }

  /**
   * The turn may come long after the request. If the worker has been given up since then, nothing is started.
   */
  private runUnlessClosed(attempt: Attempt): Promise<EndOfAttempt> {
    if (this.partition.isClosed || !this.lease.isValid()) {
      return Promise.resolve({ kind: 'infrastructure', error: new Error('the lease was not ours any more') });
    }
    // The attempt has waited for its turn.
    attempt.beganAt = performance.now();
    return new Promise((done) => {
      this.parts.runner.run(attempt, this.lease, (_, outcome) => done(outcome));
      attempt.watchDeadline();
    });
  }

  private end(attempt: Attempt, outcome: EndOfAttempt): void {
    try {
      this.partition.ended(attempt, outcome);
    } catch (error) {
      this.broken(error);
    }
  }

  /**
   * Deadlines are watched from the next turn of the event loop on, because most handlers are done by then and
   * never need a timer.
   */
  private watchDeadlines(): void {
    if (this.watching) return;
    this.watching = true;
    setImmediate(() => {
      this.watching = false;
      this.partition.watchDeadlines();
    });
  }

  /** Starts attempts again when a pause is over, or when a batch has waited long enough. */
  private comeBack(): void {
    const { startsAt, isClosed } = this.partition;
    if (startsAt === undefined || isClosed || startsAt >= this.timerAt) return;
    clearTimeout(this.timer);
    this.timerAt = startsAt;
    this.timer = setTimeout(
      () => {
        this.timerAt = Number.POSITIVE_INFINITY;
        this.pump();
      },
      Math.max(1, Math.ceil(startsAt - performance.now())),
    );
  }
}
