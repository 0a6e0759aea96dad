import { IntegrationError } from '../errors.js';
import type { Delivery } from './delivery.js';

/** One run of a handler, for one event or for a batch: its deadline and its abort signal. */
export class Attempt {
  /** Aborted or past its deadline: what still comes of it is ignored. */
  ended = false;
  /** The handler's own code has been entered; before that a failure is never the event's. */
  inHandler = false;

  private readonly startedAt = performance.now();
  private controller: AbortController | undefined;
  private endedBy: Error | undefined;

  constructor(
    /** One, or the events of a batch: of one subscription, ascending within each aggregate. */
    readonly deliveries: readonly [Delivery, ...Delivery[]],
    readonly timeoutMs: number,
    /** The handler takes an array, be it of one. */
    readonly isBatch: boolean,
  ) {
    this.toHandle = deliveries;
  }

  /** The events that the handler is given: less than all when a batch's transaction finds some settled already. */
  toHandle: readonly Delivery[];

  /** The first: what names the attempt in logs. */
  get delivery(): Delivery {
    return this.deliveries[0];
  }

  /** Whether its transaction itself takes the positions out of the cursor: a batch that comes from the log. */
  get settlesPositions(): boolean {
    return this.isBatch && this.delivery.subscription.transactional && this.delivery.claim === undefined;
  }

  /** Made on demand: most handlers never ask for it. */
  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.ended && !this.controller.signal.aborted) this.controller.abort(this.endedBy);
    return this.controller.signal;
  }

  get remainingMs(): number {
    return Math.max(1, Math.ceil(this.timeoutMs - (performance.now() - this.startedAt)));
  }

  /** Ends the attempt from outside; the handler sees its signal abort with this reason. */
  end(reason: Error): void {
    if (this.ended) return;
    this.ended = true;
    this.endedBy = reason;
    this.controller?.abort(reason);
  }

  /** Resolves with what `work` comes to, or with the error of the deadline, whichever is first. */
  race<R>(work: Promise<R>, onDeadline: (error: IntegrationError) => R): Promise<R> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const error = this.timeoutError();
        this.end(error);
        resolve(onDeadline(error));
      }, this.timeoutMs);
      work.then(
        (result) => {
          clearTimeout(timer);
          resolve(result);
        },
        (error) => {
          clearTimeout(timer);
          reject(error);
        },
      );
    });
  }

  timeoutError(): IntegrationError {
    const { subscription, log } = this.delivery;
    return new IntegrationError(
      'INTEGRATION_HANDLER_TIMEOUT',
      `Handler ${subscription.place} of consumer "${subscription.consumerName}" did not finish ${log.eventName} within ${this.timeoutMs} ms: raise timeoutMs, or heed context.signal`,
      { consumerName: subscription.consumerName, eventName: log.eventName, outboxEventId: log.id },
    );
  }
}
